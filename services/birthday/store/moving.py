"""Occurrences that other time zones, or another hour of their kind, put elsewhere."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import TZDATA

# One transaction moves so many: nobody who edits one of these people waits longer than that takes.
PORTION = 5000


class Ahead(msgspec.Struct, frozen=True):
    """Occurrences of one kind and zone at one wall time, and the instant that `tzdata` gave them."""

    kind: str
    zone: str
    wall: datetime
    due_at: datetime
    tzdata: str
    count: int


_AHEAD = """
select d.kind, d.zone, d.wall, d.due_at, d.tzdata, count(*)::int as count
  from birthday.dates d
  join birthday.kinds k on k.name = d.kind
 where d.due_at > lamppost.now() and (d.tzdata <> %s or d.wall::time <> k.at)
 group by d.kind, d.zone, d.wall, d.due_at, d.tzdata
"""


def ahead(db: Connection[Any]) -> list[Ahead]:
    """What lies ahead and was computed with other time zones than ours, or for another hour."""
    with db.cursor(row_factory=class_row(Ahead)) as cursor:
        return cursor.execute(_AHEAD, (TZDATA,)).fetchall()


_MOVE = """
with picked as (
    select person_id, kind
      from birthday.dates
     where kind = %(kind)s and due_at = %(due_at)s and zone = %(zone)s and wall = %(wall)s
       and tzdata = %(tzdata)s and due_at > lamppost.now()
     limit %(limit)s
       for update
)
update birthday.dates d
   set wall = %(at)s, due_at = %(new)s, tzdata = %(installed)s, xid = pg_current_xact_id()
  from picked p
 where d.person_id = p.person_id and d.kind = p.kind
"""


def move(db: Connection[Any], some: Ahead, at: datetime, new: datetime) -> int:
    """Put up to `PORTION` of these to the wall time `at`, which is `new`; how many.

    Fewer: none is left there.

    What came due meanwhile goes out as it is; what somebody edited is where they put it. An occurrence that
    a claim took while we moved it is no member of that chunk any more: its transaction is a later one.
    """
    values = {**msgspec.structs.asdict(some), "at": at, "new": new, "installed": TZDATA, "limit": PORTION}
    return db.execute(_MOVE, values).rowcount
