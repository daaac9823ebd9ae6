"""What `infra/stages.toml` may say of one function in one stage: how many are ready, how many may run."""

from collections.abc import Iterator

import msgspec


class Tuned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One function in one stage.

    `provisioned` sandboxes are kept ready, at a price by the hour. With `snapstart` a sandbox begins as a
    copy of one that was ready. `reserved` is how many may run at once, taken from the account's own quota.
    """

    snapstart: bool = False
    provisioned: int = 0
    reserved: int | None = None

    @property
    def versioned(self) -> bool:
        """Whether callers are led to a published version: only those can be kept ready."""
        return self.snapstart or self.provisioned > 0


def mistakes(name: str, found: Tuned) -> Iterator[tuple[str, str]]:
    """What is wrong with what is said of the function `name`, and what to write instead."""
    if found.snapstart and found.provisioned > 0:
        yield f"{name} with snapstart and provisioned", "choose one: Lambda refuses both together"
    if found.provisioned < 0 or (found.reserved is not None and found.reserved < 1):
        yield f"{name} with fewer than none", "give provisioned 0 or more, and reserved 1 or more"
    elif found.reserved is not None and found.provisioned > found.reserved:
        yield (
            f"{name} with {found.provisioned} kept ready of which {found.reserved} may run",
            "lower provisioned, or raise reserved",
        )
