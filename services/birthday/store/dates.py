"""People's days, and the occurrence of each that comes next."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA, LeapDay, Occurrence


class Day(msgspec.Struct, frozen=True):
    """A person's day of one kind. `to_come`: its next occurrence is not due yet."""

    kind: str
    day: date
    leap_day: LeapDay
    year: int
    greeted_year: int
    to_come: bool


_HOLD = """
select kind, day, leap_day, year, greeted_year, due_at > lamppost.now() as to_come
  from birthday.dates
 where person_id = %s
 order by kind
   for update
"""


def hold(db: Connection[Any], person: UUID) -> list[Day]:
    """The person's days, kept from changing until this transaction ends.

    Whoever records a greeting of theirs is waited for, or waits and then sees what we wrote.
    The caller holds the person.
    """
    with db.cursor(row_factory=class_row(Day)) as cursor:
        return cursor.execute(_HOLD, (person,)).fetchall()


_MOVE = """
update birthday.dates
   set day = %(day)s, leap_day = %(leap_day)s, edition = edition + 1,
       year = %(year)s, wall = %(wall)s, zone = %(zone)s, tzdata = %(tzdata)s, due_at = %(due_at)s,
       xid = pg_current_xact_id()
 where person_id = %(person)s and kind = %(kind)s and due_at > lamppost.now()
"""


def move(
    db: Connection[Any],
    person: UUID,
    kind: str,
    *,
    day: date,
    leap_day: LeapDay,
    zone: str,
    to: Occurrence,
) -> bool:
    """Put an occurrence that is still to come somewhere else. False when it came due meanwhile."""
    values = {"person": person, "kind": kind, "day": day, "leap_day": leap_day, "zone": zone}
    values = {**values, "tzdata": TZDATA, **msgspec.structs.asdict(to)}
    return db.execute(_MOVE, values).rowcount == 1


_EDIT = """
update birthday.dates
   set day = %(day)s, leap_day = %(leap_day)s, edition = edition + 1
 where person_id = %(person)s and kind = %(kind)s
"""


def edit(db: Connection[Any], person: UUID, kind: str, *, day: date, leap_day: LeapDay) -> None:
    """Change the day for the years to come. The occurrence that is due already stays where it is."""
    db.execute(_EDIT, {"person": person, "kind": kind, "day": day, "leap_day": leap_day})


_ADD = """
insert into birthday.dates (person_id, kind, day, leap_day, year, wall, zone, tzdata, due_at)
values (%(person)s, %(kind)s, %(day)s, %(leap_day)s, %(year)s, %(wall)s, %(zone)s, %(tzdata)s, %(due_at)s)
"""


def add(
    db: Connection[Any],
    person: UUID,
    kind: str,
    *,
    day: date,
    leap_day: LeapDay,
    zone: str,
    first: Occurrence,
) -> None:
    """Give the person a day of a kind they had none of. The caller holds the person."""
    values = {"person": person, "kind": kind, "day": day, "leap_day": leap_day, "zone": zone}
    db.execute(_ADD, {**values, "tzdata": TZDATA, **msgspec.structs.asdict(first)})


def last_greeted(db: Connection[Any], person: UUID, kind: str) -> int:
    """The last year in which the person was greeted for this kind; 0 for never."""
    row = db.execute(
        "select coalesce(max(year), 0) from birthday.greetings where person_id = %s and kind = %s",
        (person, kind),
    ).fetchone()
    return int(row[0]) if row else 0


_NEXT = "select due_at from birthday.dates where person_id = %s and kind = %s"


def next_at(db: Connection[Any], person: UUID, kind: str) -> datetime | None:
    """When the person's next greeting of this kind is due; None without such a day."""
    row = db.execute(_NEXT, (person, kind)).fetchone()
    return row[0] if row else None
