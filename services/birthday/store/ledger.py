"""What became of what was due, by the minute."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection

from lamppost.delivery.reports import Minute

# Each greeting is in one of the two tables at any moment: its first try moves it, in one statement. This is
# one statement too, so that the sum is of one moment.
_LEDGER = """
with member as materialized (
    select kind, unnest(members) as person_id, seen
      from birthday.chunks
     where kind is not null
), due as (
    select date_trunc('minute', g.due_at) as at, g.status, extract(epoch from g.lateness)::float8 as lateness
      from birthday.greetings g
     where g.due_at >= %(since)s and g.due_at < %(until)s
     union all
    select date_trunc('minute', d.due_at),
           case when exists (
               select
                 from member m
                where m.kind = d.kind and m.person_id = d.person_id and pg_visible_in_snapshot(d.xid, m.seen)
           ) then 'claimed' else 'ahead' end,
           null
      from birthday.kinds k
      join birthday.dates d on d.kind = k.name
     where d.due_at >= %(since)s and d.due_at < %(until)s and d.due_at <= lamppost.now()
)
select at, count(*) as due,
       count(*) filter (where status = 'delivered') as delivered,
       count(*) filter (where status = 'dead') as dead,
       count(*) filter (where status = 'waiting') as retrying,
       count(*) filter (where status = 'claimed') as claimed,
       count(*) filter (where status = 'ahead') as waiting,
       percentile_disc(array[0.5, 0.95, 0.99]) within group (order by lateness) as late
  from due
 group by grouping sets ((at), ())
 order by at nulls first
 limit %(limit)s
"""


def ledger(
    db: Connection[Any], *, since: datetime, until: datetime, limit: int
) -> tuple[Minute, list[Minute]]:
    """The whole of [`since`, `until`), and its minutes, oldest first, `limit` at most.

    Minutes without any are left out, and so is what is not due yet. Lateness is of the delivered.
    """
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
