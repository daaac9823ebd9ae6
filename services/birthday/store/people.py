"""People and the greeting that waits for each of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import LeapDay


class Person(msgspec.Struct, frozen=True):
    """A person as stored; `next_greeting_at` is the earliest greeting not sent yet."""

    id: UUID
    first_name: str
    last_name: str
    date_of_birth: date
    timezone: str
    leap_day: LeapDay
    created_at: datetime
    updated_at: datetime
    next_greeting_at: datetime | None = None


def now(db: Connection[Any]) -> datetime:
    """The system's now, which every due time is measured against."""
    instant: datetime = db.execute("select lamppost.now()").fetchone()[0]  # type: ignore[index]  # always one row
    return instant


_CREATE = """
with clock as materialized (
    select lamppost.now() as now
), person as (
    insert into birthday.people
           (first_name, last_name, date_of_birth, timezone, leap_day, created_at, updated_at)
    select %(first_name)s, %(last_name)s, %(date_of_birth)s, %(timezone)s, %(leap_day)s, now, now
      from clock
 returning *
), greeting as (
    insert into birthday.greetings (person_id, year, wall, zone, zones, due_at, try_at)
    select p.id, m.year, m.wall, p.timezone, birthday.zones_version(), m.due_at, m.due_at
      from person p
     cross join clock c
     cross join lateral (
           select *
             from birthday.mornings(p.date_of_birth, p.timezone, p.leap_day, c.now) m
            where m.due_at > c.now
            order by m.due_at
            limit 1) m
 returning due_at
)
select p.*, g.due_at as next_greeting_at
  from person p
 cross join greeting g
"""


def create(
    db: Connection[Any],
    *,
    first_name: str,
    last_name: str,
    date_of_birth: date,
    timezone: str,
    leap_day: LeapDay,
) -> Person:
    """Store a person together with their next greeting: neither is ever there alone.

    Raises `psycopg.errors.InvalidParameterValue` when the database does not know the zone.
    """
    values = {
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": date_of_birth,
        "timezone": timezone,
        "leap_day": leap_day,
    }
    return _one(db, _CREATE, values)


def find(db: Connection[Any], person: UUID) -> Person | None:
    """The person, or None."""
    with db.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(_FIND, {"id": person}).fetchone()


_FIND = """
select p.*,
       (select min(g.due_at)
          from birthday.greetings g
         where g.person_id = p.id and g.status in ('waiting', 'claimed')) as next_greeting_at
  from birthday.people p
 where p.id = %(id)s
"""


def hold(db: Connection[Any], person: UUID) -> Person | None:
    """The person, kept from changing until this transaction ends; None when there is none.

    Whoever settles this person's greeting waits as well, so that next year's is made from what we write.
    """
    with db.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(_HOLD, {"id": person}).fetchone()


_HOLD = "select p.* from birthday.people p where p.id = %(id)s for no key update"

_SAVE = """
update birthday.people
   set first_name = %(first_name)s, last_name = %(last_name)s, date_of_birth = %(date_of_birth)s,
       timezone = %(timezone)s, leap_day = %(leap_day)s, updated_at = lamppost.now()
 where id = %(id)s
"""


def save(db: Connection[Any], person: Person) -> None:
    """Write what the API may change. The caller holds the person."""
    db.execute(_SAVE, msgspec.structs.asdict(person))


_MOVE = """
with clock as materialized (
    select lamppost.now() as now
), pending as (
    select g.id, g.kind
      from birthday.greetings g
     cross join clock c
     where g.person_id = %(id)s and g.status = 'waiting' and g.due_at > c.now
       for update of g
), chosen as (
    select pending.id, p.timezone, m.*
      from pending
      join birthday.people p on p.id = %(id)s
     cross join clock c
     cross join lateral (
           select *
             from birthday.mornings(p.date_of_birth, p.timezone, p.leap_day, c.now) m
            where m.due_at > c.now
              and not exists (
                  select
                    from birthday.greetings taken
                   where taken.person_id = p.id and taken.kind = pending.kind
                     and taken.year = m.year and taken.id <> pending.id)
            order by m.due_at
            limit 1) m
)
update birthday.greetings g
   set year = m.year, wall = m.wall, zone = m.timezone, zones = birthday.zones_version(),
       due_at = m.due_at, try_at = m.due_at
  from chosen m
 where g.id = m.id
"""


def move_greeting(db: Connection[Any], person: UUID) -> None:
    """Put the greeting that is still to come where the person's date and zone now say.

    A greeting that is due already stays due, sent or not. One that the move would put into the
    past, or into a year that has its greeting, goes to the next free year instead.
    """
    db.execute(_MOVE, {"id": person})


def delete(db: Connection[Any], person: UUID) -> bool:
    """Forget the person and all their greetings, those on their way too. False when there is none."""
    return db.execute("delete from birthday.people where id = %s", (person,)).rowcount == 1


def _one(db: Connection[Any], statement: str, values: dict[str, Any]) -> Person:
    with db.cursor(row_factory=class_row(Person)) as cursor:
        row = cursor.execute(statement, values).fetchone()
    assert row is not None, "an insert returns its row"
    return row
