"""Greetings that are over, sent again on request.

A replayed greeting is waiting again with all its attempts, due at once. It keeps its id, and with it the
webhook-id by which the receiver knows it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from lamppost.delivery.reports import Count


class Pick(msgspec.Struct, frozen=True):
    """Which greetings: one, those due in [`since`, `until`), or those dead since `failed_since`."""

    greeting: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    failed_since: datetime | None = None


_ONE: LiteralString = "g.id = %(greeting)s"
_DUE: LiteralString = "g.due_at >= %(since)s and g.due_at < %(until)s"
_DEAD: LiteralString = "g.status = 'dead' and g.settled_at >= %(failed_since)s"

_REPLAY: LiteralString = """
with picked as materialized (
    select g.id
      from birthday.greetings g
     where {pick} and g.status = any(%(states)s) and g.settled_at < %(before)s
     order by {order}
     limit %(limit)s
       for update skip locked
), revived as (
    update birthday.greetings g
       set status = 'waiting', attempts = 0, settled_at = null, lateness = null
      from picked p
     where g.id = p.id
 returning g.id
), unsent as (
    delete from birthday.letters l
     using revived r
     where l.greeting_id = r.id
)
insert into birthday.retries (greeting_id, try_at)
select id, lamppost.now()
  from revived
    on conflict (greeting_id) do update set try_at = excluded.try_at
"""


def replay(db: Connection[Any], pick: Pick, *, states: Sequence[str], before: datetime, limit: int) -> int:
    """Let up to `limit` wait again, oldest first; how many.

    Only those of `states` that ended before `before`: whoever asks again with the same moment meets none
    twice, whatever became of the first. Of two who ask at once neither gets the other's.
    """
    clause, order = _clause(pick)
    values = {**msgspec.structs.asdict(pick), "states": list(states), "before": before, "limit": limit}
    return db.execute(_REPLAY.replace("{pick}", clause).replace("{order}", order), values).rowcount


# A greeting and the attempt that ended it were written by one transaction, at one lamppost.now().
_COUNTS: LiteralString = """
select count(*)::int as count, status, why, status = any(%(states)s) and bool_and(over) as replay
  from (select g.status, coalesce(g.settled_at < %(before)s, false) as over,
               case g.status
                   when 'dead' then coalesce(a.error, 'status ' || a.status, 'no answer is in the log')
                   when 'waiting' then 'to be tried again'
                   else 'arrived'
               end as why
          from birthday.greetings g
          left join lamppost.attempts a
                 on g.status = 'dead' and a.message_id = 'msg_' || replace(g.id::text, '-', '')
                and a.at = g.settled_at and a.service = 'birthday'
         where {pick}
         union all
        select 'waiting', false, 'not tried yet'
          from birthday.dates
         where kind = any(array(select name from birthday.kinds))
           and due_at >= %(since)s and due_at < %(until)s and due_at <= lamppost.now()
       ) as found
 group by status, why
 order by count(*) desc, status, why
"""


def counts(db: Connection[Any], pick: Pick, *, states: Sequence[str], before: datetime) -> list[Count]:
    """How many are meant, by state and reason; `replay` marks those that `replay` would send."""
    clause, _ = _clause(pick)
    values: Mapping[str, object] = {
        **msgspec.structs.asdict(pick),
        "states": list(states),
        "before": before,
    }
    with db.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(_COUNTS.replace("{pick}", clause), values).fetchall()


def _clause(pick: Pick) -> tuple[LiteralString, LiteralString]:
    if pick.greeting is not None:
        return _ONE, "g.due_at"
    if pick.failed_since is not None:
        return _DEAD, "g.settled_at"
    return _DUE, "g.due_at"


def now(db: Connection[Any]) -> datetime:
    """The system's time."""
    row = db.execute("select lamppost.now()").fetchone()
    assert row is not None, "a clock answers"
    at: datetime = row[0]
    return at


def exists(db: Connection[Any], greeting: UUID) -> bool:
    """Whether this greeting was tried."""
    return db.execute("select from birthday.greetings where id = %s", (greeting,)).fetchone() is not None
