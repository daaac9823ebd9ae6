"""A message as an operator sees it: what it says, why it lies there. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

# The runtime writes why a handler gave a message up.
WHY = "lamppost.why"


class Letter(msgspec.Struct, frozen=True):
    """A message that lies in a queue. `attributes` are SQS's; `sent_at` is aware.

    `origin` is the queue that a dead letter died in, where that is known.
    """

    id: str
    body: str
    attributes: dict[str, dict[str, Any]]
    sent_at: datetime
    receives: int
    origin: str | None = None
    state: str = "visible"
    system: dict[str, str] = {}


def content(letter: Letter) -> Any:
    """The body, decoded where it is JSON."""
    try:
        return msgspec.json.decode(letter.body)
    except (msgspec.DecodeError, RecursionError):
        return letter.body


def why(letter: Letter) -> str:
    """Why it lies there: what its handler or its body says, else how often it was tried.

    Empty when nobody knows.
    """
    told = letter.attributes.get(WHY, {}).get("StringValue")
    if told:
        return str(told)
    body = content(letter)
    reason = body.get("reason") if isinstance(body, dict) else None
    if isinstance(reason, str) and reason:
        return reason
    return f"received {letter.receives} times in vain" if letter.origin is not None else ""


def reasons(letters: Iterable[Letter]) -> list[tuple[int, str]]:
    """How many lie there for which reason, most first."""
    counted = Counter(why(letter) or "(no reason given)" for letter in letters)
    return sorted(((count, reason) for reason, count in counted.items()), key=lambda row: (-row[0], row[1]))


def shown(letter: Letter, now: datetime) -> dict[str, Any]:
    """A message for a program to read."""
    return {
        "id": letter.id,
        "sent_at": letter.sent_at,
        "age_s": round((now - letter.sent_at).total_seconds(), 1),
        "receives": letter.receives,
        "state": letter.state,
        "origin": letter.origin,
        "why": why(letter),
        "attributes": letter.attributes,
        "body": content(letter),
    }
