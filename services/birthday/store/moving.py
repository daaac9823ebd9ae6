"""Occurrences that other time zones put elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA

# One transaction moves so many: nobody who edits one of these people waits longer than that takes.
PORTION = 5000


class Ahead(msgspec.Struct, frozen=True):
    """Occurrences of one kind and zone at one wall time, and the instant they were given."""

    kind: str
    zone: str
    wall: datetime
    due_at: datetime
    count: int
    releases: list[str]


_AHEAD = """
select kind, zone, wall, due_at, count(*)::int as count, array_agg(distinct tzdata) as releases
  from birthday.dates
 where due_at > lamppost.now() and tzdata <> %s
 group by kind, zone, wall, due_at
"""


def ahead(db: Connection[Any]) -> list[Ahead]:
    """What lies ahead and was computed with other time zones than ours."""
    with db.cursor(row_factory=class_row(Ahead)) as cursor:
        return cursor.execute(_AHEAD, (TZDATA,)).fetchall()


_MOVE = """
with move as (
    select *
      from unnest(%(kind)s::text[], %(zone)s::text[], %(wall)s::timestamp[], %(old)s::timestamptz[],
                  %(new)s::timestamptz[]) as m (kind, zone, wall, old, new)
), picked as (
    select d.person_id, d.kind, m.new
      from move m
      join birthday.dates d on d.kind = m.kind and d.due_at = m.old and d.zone = m.zone and d.wall = m.wall
     where d.due_at > lamppost.now() and d.tzdata <> %(tzdata)s
     order by d.person_id, d.kind
     limit %(limit)s
       for update of d
)
update birthday.dates d
   set due_at = p.new, tzdata = %(tzdata)s, xid = pg_current_xact_id()
  from picked p
 where d.person_id = p.person_id and d.kind = p.kind
"""


def move(db: Connection[Any], moves: Sequence[tuple[Ahead, datetime]]) -> int:
    """Put up to `PORTION` of these where the second says; how many. 0: none is there any more.

    What came due meanwhile goes out as it is; what somebody edited is where they put it. An occurrence that
    a claim took while we moved it is no member of that chunk any more: its transaction is a later one.
    """
    values = {
        "kind": [each.kind for each, _ in moves],
        "zone": [each.zone for each, _ in moves],
        "wall": [each.wall for each, _ in moves],
        "old": [each.due_at for each, _ in moves],
        "new": [new for _, new in moves],
        "tzdata": TZDATA,
        "limit": PORTION,
    }
    return db.execute(_MOVE, values).rowcount
