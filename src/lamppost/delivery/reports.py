"""What an operations function answers. Instants are aware, `_s` are seconds, `_ms` milliseconds."""

from datetime import date, datetime
from typing import Any

import msgspec


class Instant(msgspec.Struct, frozen=True):
    """One year's occurrence: the wall where the person lives, its offset, the instant, and why."""

    year: int
    wall: datetime
    offset: str
    at: datetime
    why: tuple[str, ...]


class Day(msgspec.Struct, frozen=True):
    """A person's day of one kind, and what is still to come of it."""

    kind: str
    day: date
    zone: str
    tzdata: str
    instants: tuple[Instant, ...]


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as the tables have it. `why` says in words why it is where it is."""

    id: str
    person: str
    kind: str
    year: int
    due_at: datetime
    status: str
    attempts: int
    why: str
    try_at: datetime | None = None
    settled_at: datetime | None = None
    lateness_s: float | None = None


class Explained(msgspec.Struct, frozen=True):
    """A person's days, and the deliveries of this year and those still open."""

    person: str
    now: datetime
    days: tuple[Day, ...]
    deliveries: tuple[Delivery, ...]


class Listed(msgspec.Struct, frozen=True):
    """Deliveries; `more` when there are more than were asked for."""

    deliveries: tuple[Delivery, ...]
    more: bool


class Attempt(msgspec.Struct, frozen=True):
    """One POST: `head` is the beginning of the answer, as text."""

    delivery: str
    at: datetime
    attempt: int
    status: int | None
    error: str | None
    latency_ms: int
    head: str


class Attempted(msgspec.Struct, frozen=True):
    """Deliveries and their attempts, oldest first. The log is kept for some days only."""

    deliveries: tuple[Delivery, ...]
    attempts: tuple[Attempt, ...]


class Count(msgspec.Struct, frozen=True):
    """How many are in this state for this reason; `replay` says whether a replay sends them."""

    count: int
    status: str
    why: str
    replay: bool


class Replayed(msgspec.Struct, frozen=True):
    """How many go out again, or what would. `before` is for the next request of the same run."""

    replayed: int
    before: datetime
    counts: tuple[Count, ...] = ()


class Paused(msgspec.Struct, frozen=True):
    """Whether sending is paused. `sending` chunks are under way at this moment, `waiting` stand in line.

    `fingerprint` stands for the URL it was paused at; `changed`: it is another one by now.
    """

    paused: bool
    waiting: int
    sending: int
    since: datetime | None = None
    who: str | None = None
    why: str = ""
    fingerprint: str = ""
    changed: bool = False


class Minute(msgspec.Struct, frozen=True):
    """What was due in a minute (`at` None: in all of them) = delivered + dead + in flight.

    In flight is `waiting` (not claimed yet) + `claimed` (on its way the first time) + `retrying`.
    Lateness counts from the due instant to the recorded delivery.
    """

    at: datetime | None
    due: int
    delivered: int
    dead: int
    retrying: int
    claimed: int
    waiting: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None


class Book(msgspec.Struct, frozen=True):
    """The ledger. `more` says that `minutes` ends early, and where to go on; `total` is of the whole span."""

    since: datetime
    until: datetime
    total: Minute
    minutes: tuple[Minute, ...]
    more: datetime | None = None


class Move(msgspec.Struct, frozen=True):
    """Occurrences of one zone that move by `by_s`: how many, and the first of them before and after."""

    zone: str
    count: int
    by_s: float
    wall: datetime
    old: datetime
    new: datetime


class Moved(msgspec.Struct, frozen=True):
    """What other time zones move: `found` when asked, of which `moved` now stand elsewhere.

    `tzdata` is installed; `checked` occurrences were computed with `releases` and lie ahead. `unknown` zones
    are in the tables and no longer in `tzdata`: theirs stay where they are.
    """

    tzdata: str
    releases: tuple[str, ...]
    checked: int
    found: int
    moved: int
    moves: tuple[Move, ...]
    unknown: tuple[str, ...] = ()


def refusal(said: Any) -> dict[str, str] | None:
    """What was refused, or None when `said` is an answer."""
    found = said.get("refused") if isinstance(said, dict) else None
    return found if isinstance(found, dict) else None
