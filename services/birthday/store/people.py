"""People and the greeting that waits for each of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA, LeapDay, Occurrence


class Person(msgspec.Struct, frozen=True):
    """A person as stored; `next_greeting_at` is the earliest greeting not delivered yet."""

    id: UUID
    first_name: str
    last_name: str
    date_of_birth: date
    timezone: str
    leap_day: LeapDay
    created_at: datetime
    updated_at: datetime
    next_greeting_at: datetime | None = None


_CREATE = """
with person as (
    insert into birthday.people
           (first_name, last_name, date_of_birth, timezone, leap_day, created_at, updated_at)
    values (%(first_name)s, %(last_name)s, %(date_of_birth)s, %(timezone)s, %(leap_day)s,
            lamppost.now(), lamppost.now())
 returning *
), birthday as (
    insert into birthday.dates (person_id, kind, day, leap_day, year, wall, zone, tzdata, due_at)
    select id, 'birthday', date_of_birth, leap_day, %(year)s, %(wall)s, timezone, %(tzdata)s, %(due_at)s
      from person
 returning due_at
)
select p.*, b.due_at as next_greeting_at
  from person p
 cross join birthday b
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
       least((select min(d.due_at) from birthday.dates d where d.person_id = p.id),
             (select min(g.due_at)
                from birthday.greetings g
               where g.person_id = p.id and g.status = 'waiting')
       ) as next_greeting_at
  from birthday.people p
 where p.id = %(id)s
"""


def hold(db: Connection[Any], person: UUID) -> Person | None:
    """The person, kept from changing until this transaction ends; None when there is none."""
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


def delete(db: Connection[Any], person: UUID) -> bool:
    """Forget the person and all their greetings, those on their way too. False when there is none."""
    return db.execute("delete from birthday.people where id = %s", (person,)).rowcount == 1
