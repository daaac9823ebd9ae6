"""Whether the database has connections for everything that is declared to run at once.

Only what has a limit can be added up: a function that calls of an API start may run as often as the account
lets it, and counts once, or as often as it is kept ready. RDS Proxy takes in whatever comes.
"""

import msgspec

from lamppost.cloud.site import Site
from lamppost.cloud.tuning import polled, tuned
from lamppost.db.bounds import ON_LAMBDA
from lamppost.derive import instances
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.errors import OperatorError

POOL = "DB_POOL_MAX"
# For the migrator, RDS itself, and a person who looks what is wrong.
KEPT = 10


class Wish(msgspec.Struct, frozen=True):
    """A function, how many of it may run at once, and the connections that these may open."""

    function: str
    at_once: int
    connections: int


def check(site: Site) -> None:
    """Raise `OperatorError` when the declared functions may open more connections than the server takes."""
    settings = site.stage.settings
    if settings.proxy:
        return
    wishes = [_wish(site, service, entry) for service, entry in site.functions() if _opens(service, entry)]
    wanted = sum(wish.connections for wish in wishes)
    offered = instances.connections(instances.memory_gb(settings.instance)) - KEPT
    if wanted <= offered:
        return
    most = sorted(wishes, key=lambda wish: (-wish.connections, wish.function))[:3]
    named = ", ".join(f"{wish.function} {wish.at_once} × {wish.connections // wish.at_once}" for wish in most)
    raise OperatorError(
        f"functions of {site.env!r} may open {wanted} connections ({named}, …), and db.{settings.instance} "
        f"has {offered} for them",
        fix=f"lower concurrency= or reserved, set {POOL} in the service's environment, "
        "take a larger instance, or give the stage proxy = true",
        code="connections_exceeded",
    )


def _opens(service: ServiceEntry, entry: FunctionEntry) -> bool:
    return entry.database and service.database is not None and not entry.migrates


def _wish(site: Site, service: ServiceEntry, entry: FunctionEntry) -> Wish:
    settings = tuned(site, service, entry)
    at_once = settings.reserved or max(polled(service, entry), settings.provisioned, 1)
    each = int(dict(service.environment).get(POOL, ON_LAMBDA))
    return Wish(f"{service.name}.{entry.name}", at_once, at_once * each)
