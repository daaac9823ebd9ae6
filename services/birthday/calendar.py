"""When a yearly greeting is due. Pure dates; nothing here knows a database.

The instants come from the `tzdata` package pinned with the code, and its release is stored with
each. The database's own zones are not asked: they are as old as the server (in 2026 they had not
heard that Winnipeg stopped turning its clocks), and PostgreSQL takes CET, EET, MET and WET for
fixed offsets. It stores any name we accept, so the two need not agree.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from itertools import count
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

LeapDay = Literal["march-1", "february-28"]
Gap = Literal["shift", "before"]
Repeat = Literal["first", "last"]

NINE = time(9)
# The release, such as 2026f.
TZDATA: str = import_module("tzdata").IANA_VERSION


class Hour(msgspec.Struct, frozen=True):
    """The hour of delivery on the wall, and what to do where it is skipped (`gap`) or comes twice."""

    at: time = NINE
    gap: Gap = "shift"
    repeat: Repeat = "first"


AT_NINE = Hour()


class Occurrence(msgspec.Struct, frozen=True):
    """One year's greeting: the year it counts for, the local wall time (naive) and the instant (UTC)."""

    year: int
    wall: datetime
    due_at: datetime


def birthday_in(year: int, born: date, leap_day: LeapDay = "march-1") -> date:
    """The day of `year` on which someone born on `born` has their birthday.

    Someone born on 29 February has it, in ordinary years, on the day that `leap_day` names.
    """
    if (born.month, born.day) != (2, 29) or _is_leap(year):
        return born.replace(year=year)
    return date(year, 3, 1) if leap_day == "march-1" else date(year, 2, 28)


def next_greeting(born: date, zone: ZoneInfo, *, after: datetime, leap_day: LeapDay = "march-1") -> datetime:
    """The first nine o'clock on a birthday after `after`, where the person lives, in UTC.

    At nine exactly it is over for this year. Where a zone skips that hour or that whole day,
    the greeting is due when the clock would have shown it, had nobody turned it.
    """
    return next_occurrence(born, zone, after=after, leap_day=leap_day).due_at


def next_occurrence(
    born: date,
    zone: ZoneInfo,
    *,
    after: datetime,
    leap_day: LeapDay = "march-1",
    hour: Hour = AT_NINE,
    greeted: int = 0,
) -> Occurrence:
    """The first occurrence due after `after` whose year is later than `greeted`."""
    return next(
        occurrence
        for occurrence in occurrences(born, zone, around=after, leap_day=leap_day, hour=hour)
        if occurrence.due_at > after and occurrence.year > greeted
    )


def occurrences(
    born: date, zone: ZoneInfo, *, around: datetime, leap_day: LeapDay = "march-1", hour: Hour = AT_NINE
) -> Iterator[Occurrence]:
    """The occurrences from the year before `around`, earliest first.

    Last year's is among them: on 31 December 1994, a day that Kiritimati skipped, nine fell into 1995.
    """
    for year in count(around.astimezone(zone).year - 1):
        yield occurrence_in(year, born, zone, leap_day, hour)


def occurrence_in(
    year: int, born: date, zone: ZoneInfo, leap_day: LeapDay = "march-1", hour: Hour = AT_NINE
) -> Occurrence:
    """The occurrence of `year`."""
    return _on(year, birthday_in(year, born, leap_day), zone, hour)


# A chunk of a thousand greetings holds few days and few zones.
@lru_cache(maxsize=4096)
def _on(year: int, day: date, zone: ZoneInfo, hour: Hour) -> Occurrence:
    wall = datetime.combine(day, hour.at)
    return Occurrence(year, wall, instant(wall, zone, hour))


def instant(wall: datetime, zone: ZoneInfo, hour: Hour = AT_NINE) -> datetime:
    """When (UTC) the clocks of `zone` show `wall` (naive).

    Of `hour` it heeds what counts where they never do, and where they do so twice.
    """
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    # In a gap fold 1 reads the clock as if it had been turned already, which makes it the earlier one.
    wants_second = hour.gap == "before" if early > late else hour.repeat == "last"
    return late if wants_second else early


@cache
def zone_names() -> frozenset[str]:
    """The IANA names people may live under, aliases too, as the pinned tzdata lists them."""
    return frozenset((files("tzdata") / "zones").read_text().split()) - {"Factory", "localtime"}


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of this name from the pinned tzdata: the machine's own copy may be another release.

    Raises `KeyError` for a name that is not in `zone_names()`.
    """
    if name not in zone_names():
        raise KeyError(name)
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
