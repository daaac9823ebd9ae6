"""How chunks end: what is rendered, recorded, and written to the dead letters."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA, LeapDay
from services.birthday.messages import Greeting
from services.birthday.store.claiming import Chunk


class Outcome(msgspec.Struct, frozen=True):
    """What became of one greeting.

    `waiting` with a `wait` (seconds) was tried in vain and counts; without one it was not our
    greeting's fault and does not. An HTTP `status` or an `error` makes a row in the attempts.
    """

    greeting: UUID
    state: Literal["delivered", "waiting", "dead"]
    wait: float | None = None
    status: int | None = None
    error: str | None = None
    latency_ms: int | None = None
    reason: str = ""


class Tally(msgspec.Struct, frozen=True):
    """What `settle` changed: counts, and the largest lateness among the delivered."""

    delivered: int
    waiting: int
    dead: int
    late: int
    lateness: timedelta | None


def render(db: Connection[Any], chunk: Chunk) -> list[Greeting]:
    """The chunk's greetings from the rows of this moment, oldest first; whoever was deleted is missing."""
    with db.cursor(row_factory=class_row(Greeting)) as cursor:
        return cursor.execute(_RENDER, {"members": chunk.members}).fetchall()


_RENDER = """
select g.id, g.person_id, p.first_name, p.last_name, g.due_at, g.attempts
  from birthday.greetings g
  join birthday.people p on p.id = g.person_id
 where g.id = any(%(members)s) and g.status = 'claimed'
 order by g.due_at, g.id
"""


class Held(msgspec.Struct, frozen=True):
    """A greeting of the chunk with what its person's next one depends on."""

    greeting: UUID
    year: int
    date_of_birth: date
    timezone: str
    leap_day: LeapDay


def hold_people(db: Connection[Any], members: Sequence[UUID]) -> list[Held]:
    """The people behind these greetings, kept from changing until this transaction ends.

    An edit that is running is waited for, so that next year's greeting is made from what it wrote.
    People are locked before their greetings, as a deletion does, or the two would wait for each other.
    """
    with db.cursor(row_factory=class_row(Held)) as cursor:
        return cursor.execute(_HOLD, {"members": list(members)}).fetchall()


_HOLD = """
select g.id as greeting, g.year, p.date_of_birth, p.timezone, p.leap_day
  from birthday.people p
  join birthday.greetings g on g.person_id = p.id
 where g.id = any(%(members)s)
 order by p.id
   for share of p
"""


class Next(msgspec.Struct, frozen=True):
    """The greeting that follows `greeting`, in `zone`."""

    greeting: UUID
    zone: str
    year: int
    wall: datetime
    due_at: datetime


_SETTLE = """
with clock as materialized (
    select lamppost.now() as now
), freed as (
    delete from birthday.chunks
     where id = %(chunk)s and token = %(token)s
 returning id
), rest as (
    insert into birthday.chunks (members)
    select %(rest)s::uuid[]
      from freed
     where cardinality(%(rest)s::uuid[]) > 0
), outcome as materialized (
    select o.*
      from freed
     cross join unnest(
           %(greetings)s::uuid[], %(states)s::text[], %(waits)s::float8[], %(statuses)s::int[],
           %(errors)s::text[], %(latencies)s::int[], %(reasons)s::text[]
         ) as o (greeting, state, wait, status, error, latency_ms, reason)
), settled as (
    update birthday.greetings g
       set status = o.state,
           attempts = g.attempts + (o.state <> 'waiting' or o.wait is not null)::int,
           try_at = case when o.wait is null then g.try_at else c.now + make_interval(secs => o.wait) end,
           settled_at = case when o.state <> 'waiting' then c.now end,
           lateness = case when o.state = 'delivered' then c.now - g.due_at end
      from outcome o, clock c
     where g.id = o.greeting and g.status = 'claimed'
 returning g.id, g.person_id, g.kind, g.attempts, g.lateness,
           o.state, o.status, o.error, o.latency_ms, o.reason
), logged as (
    insert into birthday.attempts (greeting_id, attempt, at, status, error, latency_ms)
    select s.id, s.attempts, c.now, s.status, s.error, s.latency_ms
      from settled s
     cross join clock c
     where s.status is not null or s.error is not null
), next_year as (
    insert into birthday.greetings (person_id, kind, year, wall, zone, tzdata, due_at, try_at)
    select s.person_id, s.kind, n.year, n.wall, n.zone, %(tzdata)s, n.due_at, n.due_at
      from settled s
      join unnest(
           %(next_greetings)s::uuid[], %(next_zones)s::text[], %(next_years)s::int[],
           %(next_walls)s::timestamp[], %(next_dues)s::timestamptz[]
         ) as n (greeting, zone, year, wall, due_at) on n.greeting = s.id
     where s.state <> 'waiting'
        on conflict (person_id, kind, year) do nothing
), letters as (
    insert into birthday.letters (greeting_id, reason, attempts)
    select s.id, s.reason, s.attempts
      from settled s
     where s.state = 'dead'
)
select (select count(*) from freed) as held,
       count(*) filter (where state = 'delivered') as delivered,
       count(*) filter (where state = 'waiting') as waiting,
       count(*) filter (where state = 'dead') as dead,
       count(*) filter (where lateness > interval '60 minutes') as late,
       max(lateness) as lateness
  from settled
"""


def settle(
    db: Connection[Any],
    chunk: Chunk,
    outcomes: Sequence[Outcome],
    following: Sequence[Next],
    *,
    rest: Sequence[UUID] = (),
) -> Tally | None:
    """Record what became of a chunk and dissolve it; `rest` becomes a chunk of its own, to be sent.

    One statement: attempts, states, the `following` greetings of those that ended, dead letters.
    None, and nothing changed, when the chunk has a newer token or is gone: whoever holds it now
    records. Greetings deleted meanwhile are passed over. The caller holds the people.
    """
    values = {
        "chunk": chunk.id,
        "token": chunk.token,
        "rest": list(rest),
        "tzdata": TZDATA,
        **_columns(outcomes, ("greetings", "states", "waits", "statuses", "errors", "latencies", "reasons")),
        **_columns(following, ("next_greetings", "next_zones", "next_years", "next_walls", "next_dues")),
    }
    row = db.execute(_SETTLE, values).fetchone()
    assert row is not None, "a count returns its row"
    held, *counts = row
    return Tally(*counts) if held else None


def _columns(rows: Sequence[msgspec.Struct], names: Sequence[str]) -> dict[str, list[Any]]:
    """`rows` turned by a quarter, for `unnest`: one list for each field, under these names."""
    columns = zip(*(msgspec.structs.astuple(row) for row in rows), strict=True) if rows else [()] * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


class Letter(Greeting, frozen=True):
    """A greeting whose attempts are over; `letter` is its place in the outbox."""

    letter: int
    reason: str


_LETTERS = """
select l.id as letter, l.reason, l.attempts, g.id, g.person_id, p.first_name, p.last_name, g.due_at
  from birthday.letters l
  join birthday.greetings g on g.id = l.greeting_id
  join birthday.people p on p.id = g.person_id
 order by l.id
 limit 100
   for update of l skip locked
"""


def letters(db: Connection[Any]) -> list[Letter]:
    """Up to a hundred letters that the dead-letter queue does not have yet, held until the commit."""
    with db.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(_LETTERS).fetchall()


def drop_letters(db: Connection[Any], sent: Sequence[int]) -> None:
    """Forget letters that were sent."""
    db.execute("delete from birthday.letters where id = any(%s)", (list(sent),))


def revive(db: Connection[Any], greeting: UUID) -> bool:
    """Give a dead greeting its attempts back, due now. False, and nothing changed, when it is not dead."""
    return db.execute(_REVIVE, (greeting,)).rowcount == 1


_REVIVE = """
update birthday.greetings
   set status = 'waiting', attempts = 0, try_at = lamppost.now(), settled_at = null, lateness = null
 where id = %s and status = 'dead'
"""
