"""What a greeting says and how it is wrapped: the bytes that go to the webhook."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

import msgspec


class Greeting(msgspec.Struct, frozen=True, gc=False):
    """A greeting as it is about to leave: the person's name of now, the instant it was due.

    Ids are UUIDs as text: a million of them go from the database to the wire and back.
    """

    id: str
    person_id: str
    first_name: str
    last_name: str
    due_at: datetime
    attempts: int
    kind: str
    year: int
    day: date


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


def sentence(template: str, greeting: Greeting) -> str:
    """`template` with the person's names, and how many years it has been, filled in.

    What stands in a name is never taken for a place to fill in.
    """
    words = {
        "firstName": greeting.first_name,
        "lastName": greeting.last_name,
        "years": greeting.year - greeting.day.year,
    }
    return _ready(template) % words


@lru_cache(maxsize=256)
def _ready(template: str) -> str:
    """`template` as Python's % takes it: it fills in once, and knows no names but those."""
    return re.sub(r"\{(firstName|lastName|years)\}", r"%(\1)s", template.replace("%", "%%"))


def payload(greeting: Greeting, template: str) -> Payload:
    """The body of `greeting`; all but a changed name is the same on each attempt."""
    return Payload(
        message=sentence(template, greeting),
        user_id=greeting.person_id,
        event_id=greeting.id,
        timestamp=instant(greeting.due_at),
    )


def dead_letter(greeting: Greeting, template: str, reason: str) -> DeadLetter:
    """The letter about `greeting`."""
    written = payload(greeting, template)
    return DeadLetter(
        written.message, written.user_id, written.event_id, written.timestamp, reason, greeting.attempts
    )


def webhook_id(greeting: str) -> str:
    """The id by which a receiver knows a repeat: `msg_` and the event's id without dashes."""
    return "msg_" + greeting.replace("-", "")


@lru_cache(maxsize=256)
def instant(at: datetime) -> str:
    """`2025-03-15T13:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
