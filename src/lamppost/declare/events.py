"""What a handler may be handed, and what it may return. Importing this costs nothing."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

Body = TypeVar("Body")


class Tick(msgspec.Struct, frozen=True):
    """A schedule came due. `at` is the instant it was due (aware, UTC), not when it ran."""

    at: datetime


class Message(msgspec.Struct, Generic[Body], frozen=True):
    """One queue message, its body already decoded and checked.

    `attempt` counts deliveries of this message (the first is 1): SQS's ApproximateReceiveCount.
    """

    id: str
    body: Body
    attempt: int
    sent_at: datetime
    attributes: dict[str, str] = {}


class Batch(Generic[Body]):
    """Messages that arrived together. What `again` names comes back; the rest is done.

    A handler that raises brings the whole batch back.
    """

    __slots__ = ("_again", "messages")

    def __init__(self, messages: Sequence[Message[Body]]) -> None:
        self.messages = messages
        self._again: dict[str, str] = {}

    def __iter__(self) -> Iterator[Message[Body]]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def again(self, message: Message[Body], why: str) -> None:
        """Leave `message` on the queue: it returns after its visibility timeout."""
        self._again[message.id] = why

    @property
    def failed(self) -> dict[str, str]:
        """Message id to reason, for each message that must come back."""
        return self._again


class Header(msgspec.Struct, frozen=True):
    """Where a handler's parameter is read from: `tenant: Annotated[UUID, Header("x-tenant-id")]`.

    One that has a default may be missing. A value is visible ASCII, spaces around it count for nothing, and
    a header that stands twice arrives as API Gateway joins it: with a comma.
    """

    name: str


class Response(msgspec.Struct, frozen=True):
    """An answer that says more than its value: status, headers, or a body that is not JSON.

    `body` may be `bytes` (sent as they are), `str` (sent as UTF-8 text) or anything
    msgspec can write as JSON; None sends no body. `cookies` become one Set-Cookie line each.
    Line breaks in headers and cookies are refused: the caller gets a 500, and the log says why.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = {}
    cookies: tuple[str, ...] = ()
