"""What a greeting says and how it is wrapped: the bytes that go to the webhook."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec


class Greeting(msgspec.Struct, frozen=True):
    """A greeting as it is about to leave: the person's name of now, the instant it was due."""

    id: UUID
    person_id: UUID
    first_name: str
    last_name: str
    due_at: datetime
    attempts: int


class Payload(msgspec.Struct, frozen=True, rename="camel"):
    """The webhook's body, field for field."""

    message: str
    user_id: str
    event_id: str
    timestamp: str


class DeadLetter(Payload, frozen=True, rename="camel"):
    """What the dead-letter queue gets: the payload, and why it stayed."""

    reason: str
    attempts: int


def birthday(first_name: str, last_name: str) -> str:
    """The sentence itself."""
    return f"Hey, {first_name} {last_name} it's your birthday"


def payload(greeting: Greeting) -> Payload:
    """The body of `greeting`; all but a changed name is the same on each attempt."""
    return Payload(
        message=birthday(greeting.first_name, greeting.last_name),
        user_id=str(greeting.person_id),
        event_id=str(greeting.id),
        timestamp=instant(greeting.due_at),
    )


def dead_letter(greeting: Greeting, reason: str) -> DeadLetter:
    """The letter about `greeting`."""
    written = payload(greeting)
    return DeadLetter(
        written.message, written.user_id, written.event_id, written.timestamp, reason, greeting.attempts
    )


def webhook_id(greeting: UUID) -> str:
    """The id by which a receiver knows a repeat: `msg_` and the event's id without dashes."""
    return f"msg_{greeting.hex}"


def instant(at: datetime) -> str:
    """`2025-03-15T13:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
