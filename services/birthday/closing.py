"""The end of a chunk: what became of each greeting, and when its person is greeted next."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from psycopg import Connection

from services.birthday import calendar
from services.birthday.calendar import Hour, Occurrence
from services.birthday.messages import Greeting
from services.birthday.store import rendering, settling
from services.birthday.store.chunks import Chunk
from services.birthday.store.rendering import First
from services.birthday.store.settling import Left, Outcome, Tally, Turn, Turned

Ended = tuple[Greeting, Outcome]


def render(db: Connection[Any], chunk: Chunk) -> Sequence[Greeting]:
    """What the chunk sends."""
    return rendering.first(db, chunk) if chunk.kind is not None else rendering.again(db, chunk)


def close(
    db: Connection[Any],
    chunk: Chunk,
    ended: Sequence[Ended],
    hours: Mapping[str, Hour],
    *,
    rest: Sequence[Greeting] = (),
) -> Tally | None:
    """Settle `chunk` within this transaction; None when it is no longer ours.

    `rest` was not tried and becomes a chunk of its own. A failed try never ends the chain: whoever was
    tried has a greeting next year.
    """
    if chunk.kind is None:
        outcomes = [outcome for _, outcome in ended]
        return settling.settle_again(db, chunk, outcomes, rest=[greeting.id for greeting in rest])
    people = [greeting.person_id for greeting in rest]
    return _close_first(db, chunk, ended, hours[chunk.kind], people)


def _close_first(
    db: Connection[Any], chunk: Chunk, ended: Sequence[Ended], hour: Hour, rest: Sequence[str]
) -> Tally | None:
    turns, turned = _turned(ended, hour)
    tally = settling.settle_first(db, chunk, turns, turned, rest=rest)
    if tally is None or tally.delivered + tally.waiting + tally.dead == len(turned):
        return tally
    # Someone was deleted, or edited their date while their greeting was sent: those are held and done again.
    sent = {greeting.id: (greeting, outcome) for greeting, outcome in ended}
    late_turns, late = [], []
    for date in settling.left(db, chunk, turned):
        greeting, outcome = sent[date.event]
        late_turns.append(_turn_left(greeting, date, hour))
        late.append(Turned(date.person, date.edition, len(late_turns), outcome))
    if not late:
        return tally
    return _sum(tally, settling.settle_first(db, chunk, late_turns, late, late=True))


def _turned(ended: Sequence[Ended], hour: Hour) -> tuple[list[Turn], list[Turned]]:
    """Everyone's step into the next year. A chunk holds few days and few zones: each is computed once."""
    numbers: dict[tuple[Any, ...], int] = {}
    turns: list[Turn] = []
    turned: list[Turned] = []
    for greeting, outcome in ended:
        assert isinstance(greeting, First), "a chunk of dates renders first greetings"
        key = (greeting.due_at, greeting.year, greeting.day, greeting.timezone, greeting.leap_day)
        number = numbers.get(key)
        if number is None:
            following = calendar.occurrence_in(
                greeting.year + 1, greeting.day, calendar.zone(greeting.timezone), greeting.leap_day, hour
            )
            turns.append(_turn(greeting, greeting.year, following, greeting.timezone))
            number = numbers[key] = len(turns)
        turned.append(Turned(greeting.person_id, greeting.edition, number, outcome))
    return turns, turned


def _turn_left(greeting: Greeting, date: Left, hour: Hour) -> Turn:
    """The step of someone who edited their date: from where it stands now, unless it is ahead already."""
    if date.year > greeting.year:
        standing = Occurrence(date.year, date.wall, date.due_at)
        return _turn(greeting, date.year, standing, date.zone)
    zone = calendar.zone(date.timezone)
    following = calendar.occurrence_in(greeting.year + 1, date.day, zone, date.leap_day, hour)
    return _turn(greeting, date.year, following, date.timezone)


def _turn(greeting: Greeting, standing: int, to: Occurrence, zone: str) -> Turn:
    return Turn(greeting.year, greeting.due_at, standing, to.year, to.wall, zone, to.due_at)


def _sum(one: Tally, other: Tally | None) -> Tally:
    if other is None:
        return one
    latest = [each for each in (one.lateness, other.lateness) if each is not None]
    longest: timedelta | None = max(latest, default=None)
    return Tally(
        one.delivered + other.delivered,
        one.waiting + other.waiting,
        one.dead + other.dead,
        one.late + other.late,
        longest,
    )
