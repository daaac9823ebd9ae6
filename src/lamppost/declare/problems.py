"""Refusals in a service's own shape, for callers that knew it before it ran here."""

from collections.abc import Callable
from typing import Any

import msgspec

from lamppost.errors import AuthorError


class ProblemField(msgspec.Struct, frozen=True):
    """One thing wrong with the input: `path` (`address.city`, `items[2]`), stable `code`, `message`."""

    path: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A refusal as RFC 9457 has it; `code` is stable, `requestId` finds it in the log."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: tuple[ProblemField, ...] = ()


class Problems(msgspec.Struct, frozen=True):
    """Another shape than ours for a service's refusals: what `shape` returns is sent as JSON.

    `shape` is a function at the top of a module; its return type is documented. `statuses` replaces statuses:
    `((422, 400),)`. What API Gateway itself refuses keeps API Gateway's words, here as on AWS.
    """

    shape: Callable[[Problem], Any]
    statuses: tuple[tuple[int, int], ...] = ()
    media: str = "application/json"

    def __post_init__(self) -> None:
        name = getattr(self.shape, "__qualname__", repr(self.shape))
        if not name.isidentifier():
            raise AuthorError(
                f"problems are shaped by {name}, which no module holds by its name",
                fix="write it with def, at the top of a module",
            )
        for ours, theirs in self.statuses:
            if not (400 <= ours <= 599 and 400 <= theirs <= 599):
                raise AuthorError(
                    f"problems turn the status {ours} into {theirs}",
                    fix="a refusal stays one: 400 to 599",
                )

    def status(self, ours: int) -> int:
        """The status a refusal of ours is sent with."""
        return dict(self.statuses).get(ours, ours)
