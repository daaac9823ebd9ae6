"""People and the greeting that waits for each of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA, LeapDay, Occurrence


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
    row = db.execute("select lamppost.now()").fetchone()
    assert row is not None, "a function returns its row"
    instant: datetime = row[0]
    return instant


_CREATE = """
with person as (
    insert into birthday.people
           (first_name, last_name, date_of_birth, timezone, leap_day, created_at, updated_at)
    values (%(first_name)s, %(last_name)s, %(date_of_birth)s, %(timezone)s, %(leap_day)s,
            lamppost.now(), lamppost.now())
 returning *
), greeting as (
    insert into birthday.greetings (person_id, year, wall, zone, tzdata, due_at, try_at)
    select id, %(year)s, %(wall)s, timezone, %(tzdata)s, %(due_at)s, %(due_at)s
      from person
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
    first: Occurrence,
) -> Person:
    """Store a person together with their first greeting: neither is ever there alone."""
    values = {
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": date_of_birth,
        "timezone": timezone,
        "leap_day": leap_day,
        "tzdata": TZDATA,
        **msgspec.structs.asdict(first),
    }
    with db.cursor(row_factory=class_row(Person)) as cursor:
        row = cursor.execute(_CREATE, values).fetchone()
    assert row is not None, "an insert returns its row"
    return row


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


_YEARS = """
select year, status = 'waiting' and due_at > lamppost.now() as to_come
  from birthday.greetings
 where person_id = %(person)s and kind = 'birthday'
"""


def years(db: Connection[Any], person: UUID) -> dict[int, bool]:
    """The years that have a greeting; True where it is still to come. The caller holds the person."""
    return dict(db.execute(_YEARS, {"person": person}).fetchall())


_MOVE = """
update birthday.greetings
   set year = %(year)s, wall = %(wall)s, zone = %(zone)s, tzdata = %(tzdata)s,
       due_at = %(due_at)s, try_at = %(due_at)s
 where person_id = %(person)s and kind = 'birthday' and year = %(from_year)s
   and status = 'waiting' and due_at > lamppost.now()
"""


def move_greeting(db: Connection[Any], person: UUID, from_year: int, zone: str, to: Occurrence) -> None:
    """Put a greeting that is still to come somewhere else. One that came due meanwhile stays."""
    values = {"person": person, "from_year": from_year, "zone": zone, "tzdata": TZDATA}
    db.execute(_MOVE, {**values, **msgspec.structs.asdict(to)})


def delete(db: Connection[Any], person: UUID) -> bool:
    """Forget the person and all their greetings, those on their way too. False when there is none."""
    return db.execute("delete from birthday.people where id = %s", (person,)).rowcount == 1
