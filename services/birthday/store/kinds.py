"""What is celebrated once a year, by whose rules and in which words."""

from datetime import datetime, time
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from services.birthday.calendar import Gap, Hour, LeapDay, Repeat

BIRTHDAY = "birthday"


class Kind(msgspec.Struct, frozen=True):
    """A row of the kinds. `leap_day` is for people who did not choose."""

    name: str
    at: time
    message: str
    leap_day: LeapDay
    gap: Gap
    repeat: Repeat

    @property
    def hour(self) -> Hour:
        """When on its day it is due."""
        return Hour(self.at, self.gap, self.repeat)


def every(db: Connection[Any]) -> dict[str, Kind]:
    """All kinds, by name."""
    with db.cursor(row_factory=class_row(Kind)) as cursor:
        kinds = cursor.execute("select name, at, message, leap_day, gap, repeat from birthday.kinds")
        return {kind.name: kind for kind in kinds}


class Asked(Kind, frozen=True):
    """A kind, and the system's now, which every due time is measured against."""

    now: datetime


_FIND = """
select name, at, message, leap_day, gap, repeat, lamppost.now() as now
  from birthday.kinds
 where name = %s
"""


def find(db: Connection[Any], name: str) -> Asked | None:
    """The kind of this name, or None."""
    with db.cursor(row_factory=class_row(Asked)) as cursor:
        return cursor.execute(_FIND, (name,)).fetchone()
