"""When a birthday's greeting is due. Pure dates; nothing here knows a database.

PostgreSQL computes what is stored (migrations, `birthday.mornings`), because it does so for a
million people at a time. This is its twin on the `tzdata` package pinned with the code: the API
compares the two on each save and says so when they part, and a test holds them equal in each zone.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

LeapDay = Literal["march-1", "february-28"]

NINE = time(9)


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
    return next(due for _, due in mornings(born, zone, around=after, leap_day=leap_day) if due > after)


def mornings(
    born: date, zone: ZoneInfo, *, around: datetime, leap_day: LeapDay = "march-1"
) -> Iterator[tuple[int, datetime]]:
    """The occurrence years next to `around` and the instants (UTC) of their greetings, earliest first.

    Last year's is among them: on 31 December 1994, a day that Kiritimati skipped, nine fell into 1995.
    """
    this_year = around.astimezone(zone).year
    for year in range(this_year - 1, this_year + 3):
        wall = datetime.combine(birthday_in(year, born, leap_day), NINE, zone)
        yield year, wall.astimezone(UTC)


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
