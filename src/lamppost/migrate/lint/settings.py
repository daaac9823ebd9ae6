"""PostgreSQL's times as settings write them."""

import re

_UNITS = {"us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME = re.compile(r"\s*(\d+(?:\.\d*)?)\s*(us|ms|s|min|h|d)?\s*")


def milliseconds(text: str) -> float | None:
    """`2s` as 2000; a bare number is milliseconds; None for what is no time."""
    found = _TIME.fullmatch(text.strip("'\" "))
    return float(found[1]) * _UNITS[found[2] or "ms"] if found else None
