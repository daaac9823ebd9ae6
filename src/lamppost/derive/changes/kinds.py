"""What a difference between two templates is called."""

from typing import Any, Literal

import msgspec

Fate = Literal["added", "removed", "changed", "replaced", "perhaps replaced"]


class Property(msgspec.Struct, frozen=True):
    """A property before and after; None where it is not there."""

    name: str
    before: Any
    after: Any


class Change(msgspec.Struct, frozen=True):
    """One resource that will not be what it was.

    `because` names the properties that make a replacement necessary. `lost` says what becomes of the data of
    a resource that goes: `deleted`, `kept` or `snapshot`; None where it holds none.
    """

    stack: str
    id: str
    type: str
    name: str
    fate: Fate
    properties: tuple[Property, ...] = ()
    because: tuple[str, ...] = ()
    lost: Literal["deleted", "kept", "snapshot"] | None = None
    code_only: bool = False


class Right(msgspec.Struct, frozen=True):
    """A statement of a role or policy that comes (`given`) or goes."""

    stack: str
    holder: str
    given: bool
    effect: str
    action: str
    resource: str
    condition: str = ""


class Export(msgspec.Struct, frozen=True):
    """An output with a name that others may import, and that goes."""

    stack: str
    name: str


class Changes(msgspec.Struct, frozen=True):
    """Everything that differs. `stacks_added` and `stacks_removed` are names on AWS."""

    stacks_added: tuple[str, ...]
    stacks_removed: tuple[str, ...]
    resources: tuple[Change, ...]
    rights: tuple[Right, ...]
    exports_removed: tuple[Export, ...]

    @property
    def none(self) -> bool:
        """Whether everything stays as it is."""
        return not (
            self.stacks_added or self.stacks_removed or self.resources or self.rights or self.exports_removed
        )

    def alarming(self) -> tuple[Change, ...]:
        """What is replaced, and what holds data and goes."""
        return tuple(
            each
            for each in self.resources
            if not each.code_only and ("replaced" in each.fate or each.lost == "deleted")
        )
