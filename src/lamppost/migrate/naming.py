"""What a migration is called: `YYYY-MM-DDThhmm__service__description.sql`.

Apart from files.py, so that the linter asks about a name without loading what reading and hashing need.
"""

import re
from datetime import UTC, datetime

from lamppost.errors import AuthorError

STAMP = "%Y-%m-%dT%H%M"

_NAME = re.compile(
    r"(?P<stamp>\d{4}-\d{2}-\d{2}T\d{4})__(?P<service>[a-z][a-z0-9]*)__(?P<about>[a-z0-9][a-z0-9_]*)\.sql",
    re.ASCII,
)
# The year, the month, the day, the hour and the minute of a stamp.
_PARTS = (slice(0, 4), slice(5, 7), slice(8, 10), slice(11, 13), slice(13, 15))


def check_name(name: str, service: str) -> None:
    """Raise `AuthorError` unless `name` is a migration of `service` with a real time in front."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise AuthorError(
            f"{name}: not the name of a migration",
            fix=f"name it like 2025-11-01T0900__{service}__what_it_does.sql (lower case, digits, _)",
            code="migration_name",
        )
    stamp = parts["stamp"]
    try:
        # Not strptime: linting a thousand files took a fiftieth of its time for it.
        year, month, day, hour, minute = (int(stamp[at]) for at in _PARTS)
        datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError as unreal:
        raise AuthorError(
            f"{name}: {stamp} is no date and time", fix="use a real one", code="migration_name"
        ) from unreal
    if parts["service"] != service:
        raise AuthorError(
            f"{name}: it names the service {parts['service']!r} and lies in the folder of {service!r}",
            fix=f"move it to {parts['service']}, or rename it",
            code="migration_owner",
        )


def service_of(name: str) -> str | None:
    """The service a migration's name names."""
    parts = _NAME.fullmatch(name)
    return parts["service"] if parts else None
