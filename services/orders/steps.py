"""How an order goes from one status to the next. Pure."""

from typing import Literal

import msgspec

Status = Literal["draft", "submitted", "shipped", "completed", "cancelled"]

READERS = ("owner", "admin", "member", "viewer")
WRITERS = ("owner", "admin", "member")
MANAGERS = ("owner", "admin")


class Step(msgspec.Struct, frozen=True):
    """A step leads to the status `to` from any of `begins`."""

    to: Status
    begins: tuple[Status, ...]


SUBMIT = Step("submitted", ("draft",))
SHIP = Step("shipped", ("submitted",))
COMPLETE = Step("completed", ("shipped",))


def cancel(role: str) -> Step:
    """Cancelling, as somebody of `role` may: what is shipped comes back only when a manager says so."""
    if role in MANAGERS:
        return Step("cancelled", ("draft", "submitted", "shipped"))
    return Step("cancelled", ("draft", "submitted"))
