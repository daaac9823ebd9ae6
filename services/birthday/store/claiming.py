"""From what is due to chunks, by the minute and not by the row.

A claim moves one cursor and writes one row for hundreds of greetings; the dates themselves are not touched.
"""

from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

# One message carries this many greetings: as many as a worker has under way at once, so that none waits for
# a slow receiver's answer to another. Larger ones would also repeat more after a crash.
CHUNK = 900
# What two workers halve is recorded sooner, if it is this much.
HALVED = 250
# A claim takes this many at most, and all that are due at the same instant as the last of them.
SLICE = 250_000


class _Cursor(msgspec.Struct, frozen=True):
    # As PostgreSQL writes them: `-infinity` and a snapshot are nothing Python knows.
    claimed_to: str
    seen: str | None
    now: datetime
    known: bool
    soon: int


_HOLD = """
select claimed_to::text as claimed_to, seen::text as seen, lamppost.now() as now,
       coalesce(claimed_to <= lamppost.now()
                and pg_snapshot_xmax(seen) <= pg_snapshot_xmax(pg_current_snapshot()), false) as known,
       (select count(*)
          from (select
                  from birthday.dates d
                 where d.kind = c.kind and d.due_at > c.claimed_to and d.due_at <= lamppost.now()
                 limit %(two)s) as first) as soon
  from birthday.cursors c
 where kind = %(kind)s
   for update of c skip locked
"""

# What came due since, and what was due before but written by a transaction that had not ended when we looked.
_NEW: LiteralString = """
    (select person_id, due_at, xid
       from birthday.dates
      where kind = %(kind)s and due_at <= least(%(claimed_to)s::timestamptz, %(now)s)
        and not pg_visible_in_snapshot(xid, %(seen)s))
     union all
    (select person_id, due_at, xid
       from birthday.dates
      where kind = %(kind)s and due_at > %(claimed_to)s and due_at <= %(now)s
      order by due_at
      fetch first %(slice)s rows with ties)
"""

# Everything that is due and no member of a chunk. It needs no cursor, and reads all that is on its way.
_UNCLAIMED: LiteralString = """
    select person_id, due_at, xid
      from birthday.dates d
     where kind = %(kind)s and due_at <= %(now)s
       and not exists (
           select
             from (select unnest(members) as person_id, seen
                     from birthday.chunks
                    where kind = %(kind)s) as member
            where member.person_id = d.person_id and pg_visible_in_snapshot(d.xid, member.seen)
       )
     order by due_at
     fetch first %(slice)s rows with ties
"""

_CLAIM: LiteralString = """
with part as materialized (
    select array_agg(person_id) as members, min(due_at) as due_at, max(due_at) as last_at,
           bool_or(xid >= (select pg_snapshot_xmax(pg_current_snapshot()))) as foreign_xid
      from (
           select *, (row_number() over () - 1) / %(chunk)s as number
             from ({due}) as due
           ) as numbered
     group by number
), written as (
    insert into birthday.chunks (kind, members, seen, due_at)
    select %(kind)s, members, pg_current_snapshot(), due_at
      from part
), done as (
    select coalesce(sum(cardinality(members)), 0)::int as claimed,
           case when sum(cardinality(members)) >= %(slice)s then {last} else %(now)s end as upto,
           {foreign} as foreign_xid
      from part
)
update birthday.cursors c
   set claimed_to = greatest(c.claimed_to, d.upto),
       seen = case when d.upto >= c.claimed_to and not d.foreign_xid then pg_current_snapshot() end
  from done d
 where c.kind = %(kind)s
returning d.claimed
"""
# What was late is taken as a whole: however short the slice, the cursor never goes back.
_CLAIM_NEW: LiteralString = (
    _CLAIM.replace("{due}", _NEW)
    .replace("{last}", "greatest(max(last_at), %(claimed_to)s)")
    .replace("{foreign}", "coalesce(bool_or(foreign_xid), false)")
)
# Members of a chunk out of the same backup count here too.
_FOREIGN: LiteralString = """exists (
               select
                 from birthday.dates
                where kind = %(kind)s and due_at <= %(now)s
                  and xid >= (select pg_snapshot_xmax(pg_current_snapshot()))
           )"""
_CLAIM_UNCLAIMED: LiteralString = (
    _CLAIM.replace("{due}", _UNCLAIMED).replace("{last}", "max(last_at)").replace("{foreign}", _FOREIGN)
)
# The planner takes a chunk for ten people and would go through all members for each date.
_BY_HASH = "set local enable_nestloop = off"


# `on conflict` alone would wait for whoever holds the cursor.
_NEW_KINDS = """
insert into birthday.cursors (kind)
select name
  from birthday.kinds k
 where not exists (select from birthday.cursors c where c.kind = k.name)
    on conflict (kind) do nothing
"""


_ADOPT = """
with now as materialized (
    select pg_snapshot_xmax(pg_current_snapshot()) as xmax
), foreigner as (
    select d.person_id, d.kind
      from birthday.dates d
     where d.xid >= (select xmax from now)
       and d.kind in (
           select kind
             from birthday.cursors
            where seen is null or pg_snapshot_xmax(seen) > (select xmax from now)
       )
       and not exists (
           select
             from (select kind, unnest(members) as person_id, seen from birthday.chunks) as member
            where member.person_id = d.person_id and member.kind = d.kind
              and pg_visible_in_snapshot(d.xid, member.seen)
       )
     limit %(limit)s
       for update of d skip locked
)
update birthday.dates d
   set xid = pg_current_xact_id()
  from foreigner f
 where d.person_id = f.person_id and d.kind = f.kind
"""


def adopt(db: Connection[Any], *, limit: int = SLICE) -> int:
    """Give dates that came out of a backup a transaction of this server; how many, `limit` at most.

    Theirs is one that this server has yet to reach, so no claim could see them. It looks only where a cursor
    says nothing. Commit before the claim: a transaction's own snapshot does not see itself.
    """
    db.execute(_BY_HASH)
    return db.execute(_ADOPT, {"limit": limit}).rowcount


def kinds(db: Connection[Any]) -> list[str]:
    """The kinds there are to claim, each with its cursor."""
    db.execute(_NEW_KINDS)
    return [row[0] for row in db.execute("select kind from birthday.cursors order by kind").fetchall()]


def claim_due(db: Connection[Any], kind: str, *, limit: int = SLICE) -> int:
    """Make chunks of what is due of `kind`, oldest first; how many greetings, 0 when another tick does it.

    Whoever holds the cursor claims alone, and looks only once it holds it: in a statement of its own, whose
    snapshot sees all that the one before it committed. So nothing is claimed twice, by any number of ticks.
    Where the cursor says nothing (the clock went back, the database came out of a backup and counts its
    transactions anew), everything due that is in no chunk is claimed.
    """
    with db.cursor(row_factory=class_row(_Cursor)) as cursor:
        held = cursor.execute(_HOLD, {"kind": kind, "two": 2 * CHUNK}).fetchone()
    if held is None:
        return 0
    values = {"kind": kind, "now": held.now, "chunk": _size(held.soon), "slice": limit}
    if held.known:
        row = db.execute(_CLAIM_NEW, {**values, "claimed_to": held.claimed_to, "seen": held.seen}).fetchone()
    else:
        db.execute(_BY_HASH)
        row = db.execute(_CLAIM_UNCLAIMED, values).fetchone()
    return int(row[0]) if row else 0


def _size(due: int) -> int:
    """How large the chunks are when so many are due: two of them, when that is few."""
    return -(-due // 2) if HALVED <= due < 2 * CHUNK else CHUNK


_CLAIM_RETRIES = """
with due as (
    select greeting_id
      from birthday.retries
     where try_at <= lamppost.now()
     order by try_at
     limit %(chunk)s
       for update skip locked
), taken as (
    delete from birthday.retries r
     using due
     where r.greeting_id = due.greeting_id
 returning r.greeting_id, r.try_at
)
insert into birthday.chunks (members, seen, due_at)
select array_agg(greeting_id order by try_at), pg_current_snapshot(), min(try_at)
  from taken
having count(*) > 0
returning cardinality(members)
"""


def claim_retries(db: Connection[Any]) -> int:
    """Make one chunk of greetings that are to be tried again; how many. Another tick's are skipped."""
    row = db.execute(_CLAIM_RETRIES, {"chunk": CHUNK}).fetchone()
    return int(row[0]) if row else 0
