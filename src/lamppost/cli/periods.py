"""Lengths of time as a person types them: 90s, 15m, 36h, 2d, 1y."""

import re
from datetime import timedelta

from lamppost.errors import OperatorError

Period = str

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdwy])")


def read_period(text: Period) -> timedelta:
    """`1d12h` as a length of time. Raises `OperatorError` for anything else."""
    parts = _PART.findall(text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise OperatorError(f"{text!r} is not a length of time", fix="write it like 90s, 15m, 36h, 2d or 1y")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
