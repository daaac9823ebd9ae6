"""Instants and lengths as people read them."""

from datetime import UTC, datetime


def short(at: datetime | str | None) -> str:
    """`2027-03-15 09:00:00Z`; empty for None."""
    if at is None:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def span(seconds: float | None) -> str:
    """`0.3 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`, with its sign; empty for None."""
    if seconds is None:
        return ""
    sign, size = ("-" if seconds < 0 else ""), abs(seconds)
    if size < 60:
        return f"{sign}{size:.1f} s"
    for unit, length, lower, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if size >= length:
            whole, rest = divmod(int(size), length)
            return f"{sign}{whole} {unit}" + (f" {rest // part} {lower}" if rest // part else "")
    raise AssertionError("a minute is the smallest unit above")
