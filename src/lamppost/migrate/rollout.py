"""A release's files brought into every database of a stage, before its code goes live.

The deploy names the release by the digest of its files. Every call may be repeated, interrupted anywhere,
and run beside another: each file is in or out as a whole, and a release is remembered only when all of
its files are in, in all of its databases.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import psycopg

from lamppost.db import faults
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import ledger, rollouts
from lamppost.migrate.apply import apply
from lamppost.migrate.events import Event
from lamppost.migrate.files import PLATFORM, Bundle
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.provision import provision, roles


class Place(msgspec.Struct, frozen=True):
    """A database and the files of the services that live in it.

    `conninfo` lets an administrator into it and `server` into any other database of its server, to make
    it where it is missing; `password` is its app role's.
    """

    database: str
    bundle: Bundle
    conninfo: str
    server: str
    password: str


class Rollout(msgspec.Struct, frozen=True):
    """What a rollout did: the files it applied, and the newest of each service in each database."""

    digest: str
    applied: tuple[str, ...]
    head: Mapping[str, Mapping[str, str]]
    notice: str = ""


def roll_out(places: Sequence[Place], *, digest: str, report: Callable[[Event], None]) -> Rollout:
    """Bring every place to the state of its files, which must be those of the release `digest`.

    A package with other files is refused, save when the databases have had that release before: then
    a failed deploy is going back to it, and there is nothing to do.
    Nothing is applied anywhere when a file is refused anywhere. Raises `AuthorError` for files,
    `OperatorError` for what the stage lacks.
    """
    carried = rollouts.digest_of(place.bundle for place in places)
    if carried != digest:
        return _gone_back(places, digest, carried)
    _refuse_no_files(places)
    for place in places:
        provision(place.server, place.database, _schemas(place.bundle), place.password)
    for place in places:
        _refuse(_looked_at(place), place)
    done = [
        apply(place.conninfo, place.bundle, role=roles(place.database).migrator, report=report)
        for place in places
    ]
    for place in places:
        with _connected(place) as connection:
            rollouts.remember(connection, digest, role=roles(place.database).migrator)
    return Rollout(
        digest,
        tuple(name for outcome in done for name in outcome.applied),
        {place.database: outcome.head for place, outcome in zip(places, done, strict=True)},
    )


def heads(places: Sequence[Place]) -> dict[str, dict[str, str]]:
    """The newest applied file of each service, in each database. Reads only."""
    return {place.database: _looked_at(place).head for place in places}


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
    return Rollout(digest, (), heads(places), "the databases have had this release: nothing to do")


def _refuse_no_files(places: Sequence[Place]) -> None:
    """An empty package would look like a release that lacks nothing."""
    if not any(one.service != PLATFORM for place in places for one in place.bundle.migrations):
        raise OperatorError(
            "the package carries no service's migrations",
            fix="synthesise again where services/*/migrations stand, and look at the package's content",
            code="migrator_empty",
        )


def _refuse(todo: Plan, place: Place) -> None:
    """Raise what is refused of this place, and a service whose files are all gone."""
    todo.check()
    for service in place.bundle.services:
        if service in todo.head and not place.bundle.of(service):
            raise AuthorError(
                f"database {place.database!r} has migrations of {service!r}, and the package has none",
                fix="bring its migrations folder back; a service that ended keeps its files",
                code="migrator_empty",
            )


def _schemas(bundle: Bundle) -> list[str]:
    return [service for service in bundle.services if service != PLATFORM]


def _looked_at(place: Place) -> Plan:
    with _connected(place) as connection:
        return plan(connection, place.bundle)


def _connected(place: Place) -> ledger.Connection:
    try:
        return psycopg.connect(place.conninfo, autocommit=True, application_name="lamppost migrate")
    except psycopg.OperationalError as refused:
        raise faults.why_no_connection(refused) from refused
