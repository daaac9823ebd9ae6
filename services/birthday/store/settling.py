"""How chunks end: what became of each greeting, and when its person is greeted next.

Both statements dissolve the chunk, and change nothing unless they could: with an older token than the chunk's
they meet another worker's work.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from lamppost.db.arrays import listed, quoted
from services.birthday.calendar import TZDATA, LeapDay
from services.birthday.store.chunks import Chunk


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one greeting that was tried; `wait` (seconds) is of those to be tried again."""

    id: str
    state: Literal["delivered", "waiting", "dead"]
    wait: float | None = None
    reason: str | None = None


class Tally(msgspec.Struct, frozen=True):
    """What settling changed: counts, and the largest lateness among the delivered."""

    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    late: int = 0
    lateness: timedelta | None = None


class Turn(msgspec.Struct, frozen=True):
    """From one year to the next; people of a chunk who share all of this share one.

    `year` and `due_at` are of the greeting that was tried, `standing` is the year their date stands at: the
    same, unless it was moved meanwhile.
    """

    year: int
    due_at: datetime
    standing: int
    next_year: int
    wall: datetime
    zone: str
    next_due: datetime


class Turned(msgspec.Struct, frozen=True, gc=False):
    """A person's outcome: `turn` counts from 1, and holds if the date still has this `edition`."""

    person: str
    edition: int
    turn: int
    outcome: Outcome


# The parts both statements have.
_FREED = """
freed as (
    delete from birthday.chunks
     where id = %(chunk)s and token = %(token)s
 returning kind, seen, due_at
), rest as (
    insert into birthday.chunks (kind, members, seen, due_at)
    select kind, %(rest)s::uuid[], seen, due_at
      from freed
     where cardinality(%(rest)s::uuid[]) > 0
)"""
_AFTER = """
retries as (
    insert into birthday.retries (greeting_id, try_at)
    select s.id, c.now + make_interval(secs => s.wait)
      from settled s
     cross join clock c
     where s.state = 'waiting'
        on conflict (greeting_id) do update set try_at = excluded.try_at
), letters as (
    insert into birthday.letters (greeting_id, reason)
    select s.id, coalesce(s.reason, '')
      from settled s
     where s.state = 'dead'
)
select (select count(*) from freed) as freed,
       count(*) filter (where state = 'delivered') as delivered,
       count(*) filter (where state = 'waiting') as waiting,
       count(*) filter (where state = 'dead') as dead,
       count(*) filter (where lateness > interval '60 minutes') as late,
       max(lateness) as lateness
  from settled"""

_SETTLE_FIRST = f"""
with clock as materialized (
    select lamppost.now() as now
), {_FREED}, turn as materialized (
    select *
      from unnest(%(year)s::int[], %(due_at)s::timestamptz[], %(standing)s::int[], %(next_year)s::int[],
                  %(wall)s::timestamp[], %(zone)s::text[], %(next_due)s::timestamptz[])
           with ordinality as t (year, due_at, standing, next_year, wall, zone, next_due, number)
), outcome as materialized (
    select o.person, o.edition, o.id, o.state, o.wait, o.reason, t.*
      from unnest(%(person)s::uuid[], %(edition)s::int[], %(turn)s::int[], %(id)s::uuid[],
                  %(state)s::text[], %(wait)s::float8[], %(reason)s::text[])
           as o (person, edition, turn, id, state, wait, reason)
      join turn t on t.number = o.turn
     where %(late)s or exists (select from freed)
), moved as (
    update birthday.dates d
       set year = o.next_year, wall = o.wall, zone = o.zone, tzdata = %(tzdata)s, due_at = o.next_due,
           greeted_year = o.year, xid = pg_current_xact_id()
      from outcome o
     where d.person_id = o.person and d.kind = %(kind)s
       and d.edition = o.edition and d.year = o.standing and d.greeted_year < o.year
 returning o.id, o.person, o.year, o.due_at, o.state, o.wait, o.reason
), settled as (
    select m.*, case when m.state = 'delivered' then c.now - m.due_at end as lateness
      from moved m
     cross join clock c
), greeted as (
    insert into birthday.greetings
           (id, person_id, kind, year, due_at, status, attempts, settled_at, lateness)
    select s.id, s.person, %(kind)s, s.year, s.due_at, s.state, 1,
           case when s.state <> 'waiting' then c.now end, s.lateness
      from settled s
     cross join clock c
), {_AFTER}
"""

_SETTLE_AGAIN = f"""
with clock as materialized (
    select lamppost.now() as now
), {_FREED}, outcome as materialized (
    select o.*
      from freed
     cross join unnest(%(id)s::uuid[], %(state)s::text[], %(wait)s::float8[], %(reason)s::text[])
           as o (id, state, wait, reason)
), settled as (
    update birthday.greetings g
       set status = o.state,
           attempts = g.attempts + 1,
           settled_at = case when o.state <> 'waiting' then c.now end,
           lateness = case when o.state = 'delivered' then c.now - g.due_at end
      from outcome o, clock c
     where g.id = o.id and g.status = 'waiting'
 returning g.id, o.state, o.wait, o.reason, g.lateness
), {_AFTER}
"""


def settle_first(
    db: Connection[Any],
    chunk: Chunk,
    turns: Sequence[Turn],
    turned: Sequence[Turned],
    *,
    rest: Sequence[str] = (),
    late: bool = False,
) -> Tally | None:
    """Record a chunk of dates: greetings with their first attempt, and everyone's next occurrence.

    `rest` (people) becomes a chunk of its own. None when the chunk is no longer ours. Passed over are people
    who are gone, and those whose date was edited meanwhile: `left` finds them, and with `late` they are
    recorded once the chunk is dissolved.
    """
    values = {
        "kind": chunk.kind,
        "tzdata": TZDATA,
        "late": late,
        "person": listed(each.person for each in turned),
        "edition": listed(str(each.edition) for each in turned),
        "turn": listed(str(each.turn) for each in turned),
        **{name: [getattr(turn, name) for turn in turns] for name in Turn.__struct_fields__},
        **_columns([each.outcome for each in turned]),
    }
    return _settle(db, _SETTLE_FIRST, chunk, {**values, "rest": listed(rest)})


def settle_again(
    db: Connection[Any], chunk: Chunk, outcomes: Sequence[Outcome], *, rest: Sequence[str] = ()
) -> Tally | None:
    """Record a chunk of greetings tried before; `rest` (greetings) becomes a chunk of its own.

    None when the chunk is no longer ours. Greetings deleted meanwhile are passed over.
    """
    return _settle(db, _SETTLE_AGAIN, chunk, {**_columns(outcomes), "rest": listed(rest)})


def _settle(db: Connection[Any], statement: str, chunk: Chunk, values: dict[str, Any]) -> Tally | None:
    given = {"chunk": chunk.id, "token": chunk.token, **values}
    # The statements are put together from constants of this file; psycopg types that as LiteralString.
    row = db.execute(statement.encode(), given).fetchone()
    assert row is not None, "a count returns its row"
    freed, *counts = row
    return Tally(*counts) if freed or values.get("late") else None


def _columns(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The outcomes turned by a quarter, for `unnest`: one list for each field."""
    return {
        "id": listed(each.id for each in outcomes),
        "state": listed(each.state for each in outcomes),
        "wait": listed("null" if each.wait is None else str(each.wait) for each in outcomes),
        "reason": quoted(each.reason for each in outcomes),
    }


class Left(msgspec.Struct, frozen=True):
    """A date as an edit left it while its greeting was sent; `event` is that greeting's id."""

    event: str
    person: str
    edition: int
    day: date
    leap_day: LeapDay
    timezone: str
    year: int
    wall: datetime
    zone: str
    due_at: datetime


_LEFT = """
select sent.id::text as event, d.person_id::text as person, d.edition, d.day, d.leap_day, p.timezone,
       d.year, d.wall, d.zone, d.due_at
  from unnest(%(people)s::uuid[], %(ids)s::uuid[]) as sent (person, id)
  join birthday.dates d on d.person_id = sent.person and d.kind = %(kind)s
  join birthday.people p on p.id = d.person_id
 where not exists (select from birthday.greetings g where g.id = sent.id)
   for update of d
"""


def left(db: Connection[Any], chunk: Chunk, turned: Sequence[Turned]) -> list[Left]:
    """Whom `settle_first` passed over and who is still there, kept from changing until we are done."""
    values = {
        "kind": chunk.kind,
        "people": listed(each.person for each in turned),
        "ids": listed(each.outcome.id for each in turned),
    }
    with db.cursor(row_factory=class_row(Left)) as cursor:
        return cursor.execute(_LEFT, values).fetchall()
