"""The end of a chunk: what became of each greeting, and when its person is greeted next."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from services.birthday import calendar
from services.birthday.store import settling
from services.birthday.store.claiming import Chunk
from services.birthday.store.settling import Held, Next, Outcome, Tally


def close(
    db: Connection[Any], chunk: Chunk, outcomes: Sequence[Outcome], *, rest: Sequence[UUID] = ()
) -> Tally | None:
    """Settle `chunk` within this transaction; None when it is no longer ours.

    A failed year never ends the chain: whoever was greeted or given up has a greeting next year.
    """
    ended = {outcome.greeting for outcome in outcomes if outcome.state != "waiting"}
    held = settling.hold_people(db, [outcome.greeting for outcome in outcomes])
    following = [next_year(person) for person in held if person.greeting in ended]
    return settling.settle(db, chunk, outcomes, following, rest=rest)


def next_year(person: Held) -> Next:
    """The greeting of the year after, by the person's date and zone of now."""
    following = calendar.occurrence_in(
        person.year + 1, person.date_of_birth, calendar.zone(person.timezone), person.leap_day
    )
    return Next(person.greeting, person.timezone, following.year, following.wall, following.due_at)
