"""How often a cron expression of EventBridge comes true in a month."""

# Minutes, hours, day of the month, month, day of the week, year.
FIELDS = 6
_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEAR = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = 365 / 12


def runs_a_month(fields: list[str], hours: float) -> float:
    """The runs of `cron(…)`, split at its spaces, in a month of so many hours."""
    minutes, of_day, day, month, weekday, _ = fields
    days = hours / 24 * _share(day, _DAYS) * _share(weekday, 7, _WEEK) * _share(month, 12, _YEAR)
    return _share(minutes, 60) * 60 * _share(of_day, 24) * 24 * days


def _share(field: str, whole: float, names: tuple[str, ...] = ()) -> float:
    """How much of its range a field takes, from 0 to 1."""
    return min(sum(_taken(part, whole, names) for part in field.split(",")) / whole, 1)


def _taken(part: str, whole: float, names: tuple[str, ...]) -> float:
    span, _, step = part.partition("/")
    first, dash, last = span.partition("-")
    size: float = 1
    if dash:
        size = (_number(last, names) - _number(first, names)) % whole + 1
    elif span in ("*", "?"):
        size = whole
    elif step and span.isdigit():
        size = whole - int(span)
    return size / int(step) if step.isdigit() else size


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text.upper()) if text.upper() in names else int(text)
