"""What an operator asks of the tables: a person's days, deliveries and their attempts."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from lamppost.delivery.reports import Attempt
from services.birthday.calendar import LeapDay


class Standing(msgspec.Struct, frozen=True):
    """A person's day of one kind; `year`, `wall`, `due_at` are of the occurrence that comes next."""

    kind: str
    day: date
    leap_day: LeapDay
    year: int
    wall: datetime
    zone: str
    tzdata: str
    due_at: datetime
    greeted_year: int
    timezone: str


_DAYS = """
select d.kind, d.day, d.leap_day, d.year, d.wall, d.zone, d.tzdata, d.due_at, d.greeted_year, p.timezone
  from birthday.dates d
  join birthday.people p on p.id = d.person_id
 where d.person_id = %(person)s and (d.kind = %(kind)s or %(kind)s::text is null)
 order by d.kind
"""


def days(db: Connection[Any], person: UUID, kind: str | None) -> list[Standing]:
    """The person's days; none when there is no such person, or no such day of theirs."""
    with db.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(_DAYS, {"person": person, "kind": kind}).fetchall()


class Tried(msgspec.Struct, frozen=True):
    """A greeting and the last attempt there was; `chunked`: it is on its way in a chunk.

    `sent_at` and `leased_until` are that chunk's.
    """

    id: str
    person: str
    kind: str
    year: int
    due_at: datetime
    status: str
    attempts: int
    try_at: datetime | None
    settled_at: datetime | None
    lateness: timedelta | None
    answer: str | None
    chunked: bool = False
    sent_at: datetime | None = None
    leased_until: datetime | None = None


_TRIED: LiteralString = """
select g.id::text, g.person_id::text as person, g.kind, g.year, g.due_at,
       case when g.status = 'waiting' and r.greeting_id is null then 'claimed' else g.status end as status,
       g.attempts, r.try_at, g.settled_at, g.lateness, a.answer
  from (select * from birthday.greetings g where {which} {order}) as g
  left join birthday.retries r on r.greeting_id = g.id
  left join lateral (
      select coalesce(a.error, 'status ' || a.status) as answer
        from lamppost.attempts a
       where a.message_id = 'msg_' || replace(g.id::text, '-', '') and a.service = 'birthday'
       order by a.made_at desc
       limit 1
  ) as a on true
 order by g.due_at desc, g.id
"""
_OF: LiteralString = _TRIED.replace("{which}", "g.id = %(id)s or g.person_id = %(id)s").replace("{order}", "")
_LATEST: LiteralString = _TRIED.replace(
    "{which}",
    "(g.status = %(status)s or %(status)s::text is null) and g.due_at >= %(since)s and g.due_at < %(until)s",
).replace("{order}", "order by g.due_at desc, g.id limit %(limit)s")


def tried(db: Connection[Any], id: UUID) -> list[Tried]:
    """The greeting of this id, or everything that was tried for the person of this id; latest first."""
    with db.cursor(row_factory=class_row(Tried)) as cursor:
        return cursor.execute(_OF, {"id": id}).fetchall()


def latest(
    db: Connection[Any], *, status: str | None, since: datetime, until: datetime, limit: int
) -> list[Tried]:
    """What was tried and due in [`since`, `until`), latest first."""
    with db.cursor(row_factory=class_row(Tried)) as cursor:
        values = {"status": status, "since": since, "until": until, "limit": limit}
        return cursor.execute(_LATEST, values).fetchall()


_DUE = """
select birthday.event_id(d.person_id, d.kind, d.year)::text as id, d.person_id::text as person,
       d.kind, d.year, d.due_at,
       case when c.chunk is null then 'waiting' else 'claimed' end as status, 0 as attempts,
       null::timestamptz as try_at, null::timestamptz as settled_at, null::interval as lateness,
       null::text as answer, c.chunk is not null as chunked, c.sent_at, c.leased_until
  from birthday.dates d
  left join lateral (
      select c.id as chunk, c.sent_at, c.leased_until
        from birthday.chunks c
       where c.kind = d.kind and d.person_id = any(c.members) and pg_visible_in_snapshot(d.xid, c.seen)
       limit 1
  ) as c on true
 where d.person_id = %s and d.due_at <= lamppost.now()
 order by d.due_at
"""


def untried(db: Connection[Any], person: UUID) -> list[Tried]:
    """What is due for the person and was not tried yet."""
    with db.cursor(row_factory=class_row(Tried)) as cursor:
        return cursor.execute(_DUE, (person,)).fetchall()


_ATTEMPTS = """
select g.id::text, a.at, a.attempt, a.status, a.error, a.latency_ms, coalesce(a.head, '')
  from unnest(%(ids)s::uuid[]) as g (id)
  join lamppost.attempts a
    on a.message_id = 'msg_' || replace(g.id::text, '-', '') and a.service = 'birthday'
 order by a.made_at desc
 limit %(limit)s
"""


def attempts(db: Connection[Any], greetings: Sequence[str], *, limit: int = 1000) -> list[Attempt]:
    """The last attempts of these, oldest first."""
    rows = db.execute(_ATTEMPTS, {"ids": list(greetings), "limit": limit}).fetchall()
    return [
        Attempt(
            greeting,
            at.astimezone(UTC),
            number,
            status,
            error,
            latency,
            bytes(head).decode("utf-8", "replace"),
        )
        for greeting, at, number, status, error, latency, head in reversed(rows)
    ]
