"""What became of what was due, by the minute."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from lamppost.delivery.reports import Minute

# Each greeting is in one of the two tables at any moment: its first try moves it, in one statement. This is
# one statement too, so that the sum is of one moment. What is in a chunk is counted beside, not instead.
_LEDGER = """
with untried as not materialized (
    select person_id, kind, due_at, xid
      from birthday.dates
     where kind = any(array(select name from birthday.kinds))
       and due_at >= %(since)s and due_at < %(until)s and due_at <= lamppost.now()
), member as (
    select kind, unnest(members) as person_id, seen
      from birthday.chunks
     where kind is not null
), row as (
    select due_at, status, extract(epoch from lateness)::float8 as lateness
      from birthday.greetings
     where due_at >= %(since)s and due_at < %(until)s
     union all
    select due_at, 'untried', null
      from untried
     union all
    select due_at, 'in a chunk', null
      from untried u
     where exists (
         select
           from member m
          where m.kind = u.kind and m.person_id = u.person_id and pg_visible_in_snapshot(u.xid, m.seen)
     )
), counted as (
    select date_trunc('minute', due_at) as at,
           count(*) filter (where status = 'delivered') as delivered,
           count(*) filter (where status = 'dead') as dead,
           count(*) filter (where status = 'waiting') as retrying,
           count(*) filter (where status = 'untried') as untried,
           count(*) filter (where status = 'in a chunk') as claimed,
           percentile_disc(array[0.5, 0.95, 0.99]) within group (order by lateness) as late
      from row
     group by grouping sets ((date_trunc('minute', due_at)), ())
)
select at, delivered + dead + retrying + untried as due, delivered, dead, retrying, claimed,
       untried - claimed as waiting, late
  from counted
 order by at nulls first
 limit %(limit)s
"""


def ledger(
    db: Connection[Any], *, since: datetime, until: datetime, limit: int
) -> tuple[Minute, list[Minute]]:
    """The whole of [`since`, `until`), and its minutes, oldest first, `limit` at most.

    Minutes without any are left out, and so is what is not due yet. Lateness is of the delivered.
    """
    # A million lines are sorted and joined in memory.
    db.execute("set local work_mem = '64MB'")
    rows = db.execute(_LEDGER, {"since": since, "until": until, "limit": limit + 1}).fetchall()
    total, *minutes = (Minute(*row[:7], *(row[7] or (None, None, None))) for row in rows)
    return total, minutes


class Line(msgspec.Struct, frozen=True):
    """What waits in line: chunks that are under way at this moment, and those that are not."""

    sending: int
    waiting: int


_LINE = """
select count(*) filter (where leased_until > clock_timestamp())::int as sending,
       count(*) filter (where leased_until is null or leased_until <= clock_timestamp())::int as waiting
  from birthday.chunks
"""


def line(db: Connection[Any]) -> Line:
    """The chunks of this moment."""
    row = db.execute(_LINE).fetchone()
    assert row is not None, "a count returns its row"
    return Line(*row)
