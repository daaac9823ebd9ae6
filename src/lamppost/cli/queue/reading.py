"""What people type about speed and time: 50/s, 600/m, 2h, 2027-03-15T09:00:00Z. Pure."""

import re
from datetime import UTC, datetime, timedelta

from lamppost.cli.periods import read_period
from lamppost.errors import OperatorError

FASTEST = 10_000.0
_RATE = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)(?:/([smh]))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def read_rate(text: str) -> float:
    """`50/s`, `600/m` or `50` as messages a second. Raises `OperatorError` for anything else."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match[1]) / _SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < rate <= FASTEST:
        raise OperatorError(
            f"{text!r} is not a rate", fix="write it like 50/s, 600/m or 100/h", code="rate_malformed"
        )
    return rate


def read_moment(text: str, now: datetime) -> datetime:
    """`2h` (so long before `now`) or `2027-03-15T09:00:00Z` (without a zone: UTC), aware."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        try:
            return now - read_period(text)
        except (OperatorError, OverflowError):
            raise OperatorError(
                f"{text!r} is no time",
                fix="write it like 2h (ago), 2d or 2027-03-15T09:00:00Z",
                code="time_malformed",
            ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def length(span: timedelta) -> str:
    """`3 d 4 h`, `12 min`: the two largest units say enough."""
    seconds = max(0, int(span.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
