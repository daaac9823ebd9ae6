"""RDS's two windows: each day one for backups, each week one for maintenance, and they may not meet."""

import re
from collections.abc import Iterator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
WEEK = 7 * DAY
# RDS takes no less.
SHORTEST = 30

_TIME = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_DAILY = re.compile(f"{_TIME}-{_TIME}")
_WEEKLY = re.compile(f"({'|'.join(DAYS)}):{_TIME}-({'|'.join(DAYS)}):{_TIME}")

Span = tuple[int, int]


def mistakes(backup: str, maintenance: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the two, and what to write instead."""
    each_day, each_week = daily(backup), weekly(maintenance)
    if each_day is None:
        yield f"the backup_window {backup!r}", 'write half an hour or more of UTC like "07:00-08:00"'
    elif each_week is None:
        yield (
            f"the maintenance_window {maintenance!r}",
            'write half an hour or more of UTC like "sun:08:30-sun:09:30"',
        )
    elif meet(each_day, each_week):
        yield (
            f"backups at {backup} that meet maintenance at {maintenance}",
            "move one of the windows: RDS refuses any overlap",
        )


def daily(text: str) -> Span | None:
    """`07:00-08:00` as its first minute of the day and its length; None when it is no window."""
    match = _DAILY.fullmatch(text)
    if match is None:
        return None
    begin, end = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    return _span(begin, end, DAY)


def weekly(text: str) -> Span | None:
    """`sun:08:30-sun:09:30` as its first minute of the week (from Monday on) and its length, or None."""
    match = _WEEKLY.fullmatch(text)
    if match is None:
        return None
    begin, end = (DAYS.index(match[at]) * DAY + int(match[at + 1]) * 60 + int(match[at + 2]) for at in (1, 4))
    return _span(begin, end, WEEK)


def meet(backup: Span, maintenance: Span) -> bool:
    """Whether the daily window runs into the weekly one, over midnight and over the end of the week too."""
    return any(
        (maintenance[0] - begin) % WEEK < backup[1] or (begin - maintenance[0]) % WEEK < maintenance[1]
        for begin in (backup[0] + day * DAY for day in range(7))
    )


def _span(begin: int, end: int, around: int) -> Span | None:
    length = (end - begin) % around
    return (begin, length) if length >= SHORTEST else None
