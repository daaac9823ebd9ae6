"""When a contract file may go in: once the code that no longer needs what it removes was live for a while.

Expand, deploy, contract. A release counts from the moment it was recorded live with every earlier expand
file in it; going back to an older release starts the count anew.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from lamppost.migrate.files import Migration
from lamppost.migrate.ledger import Row


class Release(msgspec.Struct, frozen=True):
    """Code of `service` that was made with the files up to `head` went live at `live_at`."""

    service: str
    head: str
    live_at: datetime
    digest: str | None = None


class Reach(msgspec.Struct, frozen=True):
    """The releases in the order they went live, what time it is, and how long one has to be live."""

    releases: tuple[Release, ...]
    now: datetime
    soak: timedelta


def too_early(
    reach: Reach, service: str, earlier: Sequence[Migration], known: Mapping[str, Row]
) -> str | None:
    """Why a contract file behind these expand files must wait, else None."""
    pending = [migration.name for migration in earlier if migration.name not in known]
    if pending:
        return f"{pending[-1]} is not applied yet, so no code that knows it can be live"
    if not earlier:
        return None
    needed = earlier[-1].name
    since = _live_since(reach, service, needed, max(known[file.name].applied_at for file in earlier))
    if since is None:
        return f"no release of {service} that knows {needed} is recorded live"
    if reach.now - since < reach.soak:
        return (
            f"the release that knows {needed} is live since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC;"
            f" it takes {spoken(reach.soak)}"
        )
    return None


def _live_since(reach: Reach, service: str, needed: str, applied_at: datetime) -> datetime | None:
    """Since when every release of the service knew `needed`; None while the newest does not."""
    since = None
    for release in reversed(reach.releases):
        if release.service != service:
            continue
        if release.head < needed or release.live_at < applied_at:
            break
        since = release.live_at
    return since


def spoken(span: timedelta) -> str:
    """A span of time in the largest whole unit: `1 h`, `90 min`."""
    seconds = round(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
