"""What a queue is made of: its attributes, messages on their way in, and messages that lie in it."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec


class Redrive(msgspec.Struct, frozen=True):
    """Where a message goes when it was received `attempts` times in vain."""

    dead_name: str
    attempts: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A queue's attributes; times are seconds. `created_at` and `changed_at` are aware."""

    name: str
    visibility: int = 30
    keep: int = 345_600
    delay: int = 0
    wait: int = 0
    redrive: Redrive | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None


class Outgoing(msgspec.Struct, frozen=True):
    """A message to send. `attributes` are SQS message attributes (binary values in base64)."""

    message_id: UUID
    body: str
    attributes: dict[str, Any] = {}
    system_attributes: dict[str, str] = {}
    delay: int = 0


def outgoing(body: str, *, delay: int = 0) -> Outgoing:
    """A message with a new id and no attributes."""
    return Outgoing(uuid4(), body, delay=delay)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a queue. `receipt` is None until its first receive."""

    id: int
    message_id: UUID
    body: str
    attributes: dict[str, Any]
    system_attributes: dict[str, str]
    sent_at: datetime
    receives: int
    first_received_at: datetime | None
    receipt: UUID | None
    visible_at: datetime
    origin: str | None = None


class Taken(msgspec.Struct, frozen=True):
    """What a receive did: the messages, how many died instead, and seconds until the next shows up."""

    messages: list[Stored]
    dead: int
    next_in: float | None


class Counts(msgspec.Struct, frozen=True):
    """How many messages can be received, are being worked on, wait for their delay; age in seconds."""

    visible: int
    in_flight: int
    delayed: int
    oldest: float


Handle = tuple[int, UUID]
