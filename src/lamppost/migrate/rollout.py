"""A release's files brought into every database of a stage, before its code goes live.

The deploy names the release by the digest of its files. Every call may be repeated, interrupted anywhere,
and run beside another: each file is in or out as a whole, and a release is remembered only when all of
its files are in, in all of its databases.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
import psycopg

from lamppost.db import faults
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import ledger, releases, rollouts
from lamppost.migrate.apply import apply, prospect
from lamppost.migrate.contract import Release
from lamppost.migrate.events import Event
from lamppost.migrate.files import PLATFORM, Bundle
from lamppost.migrate.held import held
from lamppost.migrate.opening import opened
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.provision import provision, roles
from lamppost.migrate.weight import LIMIT_ROWS, refuse_heavy


class Place(msgspec.Struct, frozen=True):
    """A database and the files of the services that live in it.

    `conninfo` lets an administrator into it and `server` into any other database of its server, to make
    it where it is missing; `password` is its app role's, and `pending` the one that a rotation prepares.
    """

    database: str
    bundle: Bundle
    conninfo: str
    server: str
    password: str
    pending: str | None = None


class Rollout(msgspec.Struct, frozen=True):
    """What a rollout did: files applied, the newest of each service in each database, jobs left open."""

    digest: str
    applied: tuple[str, ...]
    head: Mapping[str, Mapping[str, str]]
    jobs: tuple[str, ...] = ()
    notice: str = ""


def roll_out(
    places: Sequence[Place],
    *,
    digest: str,
    report: Callable[[Event], None],
    limit_rows: int = LIMIT_ROWS,
    soak: timedelta | None = None,
    seconds: float | None = None,
) -> Rollout:
    """Bring every place to the state of its files, which must be those of the release `digest`.

    A package with other files is refused, save when the databases have had that release before: then
    a failed deploy is going back to it, and there is nothing to do.
    Nothing is applied anywhere when a file is refused anywhere, nor when one would read or write more than
    `limit_rows` rows of a table at once: that is a job's work. Contract files wait until the code that no
    longer needs what they remove was live for `soak`. After `seconds` no statement runs any more.
    Raises `AuthorError` for files, `OperatorError` for what the stage lacks.
    """
    carried = rollouts.digest_of(place.bundle for place in places)
    if carried != digest:
        return _gone_back(places, digest, carried)
    _refuse_no_files(places)
    for place in places:
        provision(place.server, place.database, _schemas(place.bundle), place.password, pending=place.pending)
    for place in places:
        with _connected(place) as connection:
            _refuse_lost_service(plan(connection, place.bundle), place)
            todo, files = prospect(connection, place.bundle, soak=soak)
            major = str(connection.info.server_version // 10_000)
        living = [one for one in files if one.service in todo.head]
        refuse_heavy(files, living, place.conninfo, limit_rows=limit_rows, pg=major)
    end = None if seconds is None else time.monotonic() + seconds
    done = [
        apply(
            place.conninfo,
            place.bundle,
            role=roles(place.database).migrator,
            report=report,
            soak=soak,
            deadline=None if end is None else end - time.monotonic(),
        )
        for place in places
    ]
    for place in places:
        with _connected(place) as connection:
            rollouts.remember(connection, digest, role=roles(place.database).migrator)
    return Rollout(
        digest,
        tuple(name for outcome in done for name in outcome.applied),
        {place.database: outcome.head for place, outcome in zip(places, done, strict=True)},
        tuple(name for outcome in done for name in outcome.jobs),
    )


def record_live(places: Sequence[Place], live: Mapping[str, str], *, digest: str) -> tuple[Release, ...]:
    """Note that code is live which was released with `live` (service to its newest file); what is new of it.

    A service that no place knows is refused.
    """
    unknown = live.keys() - {service for place in places for service in place.bundle.services}
    if unknown:
        raise AuthorError(
            f"no database has a service {min(unknown)!r}",
            fix="name services of this system; `lamppost synth` does",
            code="migrator_request",
        )
    found: list[Release] = []
    for place in places:
        heads = {
            service: (head, digest) for service, head in live.items() if service in place.bundle.services
        }
        with held(place.conninfo, roles(place.database).migrator) as connection:
            found += releases.record_heads(connection, heads)
    return tuple(found)


def heads(places: Sequence[Place]) -> dict[str, dict[str, str]]:
    """The newest applied file of each service, in each database. Reads only."""
    found: dict[str, dict[str, str]] = {}
    for place in places:
        with _connected(place) as connection:
            found[place.database] = plan(connection, place.bundle).head
    return found


def ledgers(places: Sequence[Place]) -> dict[str, tuple[ledger.Row, ...]]:
    """Every row of each database's ledger."""
    found: dict[str, tuple[ledger.Row, ...]] = {}
    for place in places:
        with _connected(place) as connection:
            found[place.database] = ledger.read(connection)
    return found


def _gone_back(places: Sequence[Place], digest: str, carried: str) -> Rollout:
    for place in places:
        with _connected(place) as connection:
            if not rollouts.is_known(connection, digest):
                raise OperatorError(
                    f"the deploy asks for the migrations {digest[:12]}, this package carries {carried[:12]},"
                    f" and database {place.database!r} has never had those asked for",
                    fix="synthesise and deploy once more: template and package show two states of the files",
                    code="migrator_digest",
                )
    return Rollout(digest, (), heads(places), notice="the databases have had this release: nothing to do")


def _refuse_no_files(places: Sequence[Place]) -> None:
    """An empty package would look like a release that lacks nothing."""
    if not any(one.service != PLATFORM for place in places for one in place.bundle.migrations):
        raise OperatorError(
            "the package carries no service's migrations",
            fix="synthesise again where services/*/migrations stand, and look at the package's content",
            code="migrator_empty",
        )


def _refuse_lost_service(todo: Plan, place: Place) -> None:
    """A service whose files are all gone would look like one that lacks nothing."""
    for service in place.bundle.services:
        if service in todo.head and not place.bundle.of(service):
            raise AuthorError(
                f"database {place.database!r} has migrations of {service!r}, and the package has none",
                fix="bring its migrations folder back; a service that ended keeps its files",
                code="migrator_empty",
            )


def _schemas(bundle: Bundle) -> list[str]:
    return [service for service in bundle.services if service != PLATFORM]


def _connected(place: Place) -> ledger.Connection:
    try:
        return opened(place.conninfo)
    except psycopg.OperationalError as refused:
        raise faults.why_no_connection(refused) from refused
