"""What a run says while it happens: facts for a log, and by `str()` sentences for people."""

from typing import Literal

import msgspec


class Applied(msgspec.Struct, frozen=True, tag=True):
    """A file is in."""

    name: str
    milliseconds: int

    def __str__(self) -> str:
        return f"applied {self.name} in {self.milliseconds} ms"


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """Another migrator has the lock."""

    holder: str

    def __str__(self) -> str:
        return f"waiting for another migrator: {self.holder}"


class Blocked(msgspec.Struct, frozen=True, tag=True):
    """A lock on a table was not to be had; the file is tried again."""

    name: str
    attempt: int
    blocker: str

    def __str__(self) -> str:
        return f"{self.name}: attempt {self.attempt} found its table locked by {self.blocker}; trying again"


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How far the build of an index is, once a second at most. `percent` is of this phase alone."""

    name: str
    index: str
    phase: str
    percent: int | None

    def __str__(self) -> str:
        share = "" if self.percent is None else f", {self.percent} %"
        return f"{self.name}: {self.index}: {self.phase}{share}"


class Resumed(msgspec.Struct, frozen=True, tag=True):
    """A statement whose end an earlier run could not note: what was found, and what is done about it."""

    name: str
    statement: int
    found: str

    def __str__(self) -> str:
        return f"{self.name}: statement {self.statement} had begun when an earlier run died: {self.found}"


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A file could not be applied; the error says why. `applied` went in before it in this run.

    `ran` counts the statements of it that are in, of a file without a transaction; `running` is one that
    began outside a transaction. Both are null where nobody knows. `contract` are those of `applied` that
    took something away.
    """

    name: str
    in_transaction: bool
    applied: tuple[str, ...]
    left: tuple[str, ...]
    ran: int | None = None
    running: int | None = None
    contract: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} failed; {len(self.left)} more were not begun"


class Notice(msgspec.Struct, frozen=True, tag=True):
    """Nothing is wrong, and someone may want to know."""

    text: str
    level: Literal["notice"] = "notice"

    def __str__(self) -> str:
        return self.text


Event = Applied | Waiting | Blocked | Progress | Resumed | Failed | Notice
"""Reported while a run happens; `Progress` comes from a thread of its own."""
