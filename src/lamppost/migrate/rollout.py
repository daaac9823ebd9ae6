"""A release's files brought into every database of a stage, before its code goes live.

The deploy names the release by the digest of its files. Every call may be repeated, interrupted anywhere,
and run beside another: each file is in or out as a whole, and a release is remembered only when all of
its files are in, in all of its databases.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import psycopg

from lamppost.db import faults
from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import header, ledger, rollouts
from lamppost.migrate.apply import apply
from lamppost.migrate.events import Event
from lamppost.migrate.files import PLATFORM, Bundle, Migration
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.provision import provision, roles

if TYPE_CHECKING:
    from lamppost.migrate.risk import FileRisk

# So many rows are read or written in a second or two; what takes longer is a job.
LIMIT_ROWS = 200_000
# The rule of the linter that an author allows for SQL which is put together while it runs.
UNREADABLE = "unreadable-at-lint"


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


def roll_out(
    places: Sequence[Place],
    *,
    digest: str,
    report: Callable[[Event], None],
    limit_rows: int = LIMIT_ROWS,
) -> Rollout:
    """Bring every place to the state of its files, which must be those of the release `digest`.

    A package with other files is refused, save when the databases have had that release before: then
    a failed deploy is going back to it, and there is nothing to do.
    Nothing is applied anywhere when a file is refused anywhere, nor when one would read or write more than
    `limit_rows` rows of a table at once: that is a job's work. Raises `AuthorError` for files,
    `OperatorError` for what the stage lacks.
    """
    carried = rollouts.digest_of(place.bundle for place in places)
    if carried != digest:
        return _gone_back(places, digest, carried)
    _refuse_no_files(places)
    for place in places:
        provision(place.server, place.database, _schemas(place.bundle), place.password)
    for place in places:
        with _connected(place) as connection:
            todo = plan(connection, place.bundle)
            major = str(connection.info.server_version // 10_000)
        _refuse(todo, place)
        _refuse_heavy(todo, place, limit_rows, major)
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


def _refuse_heavy(todo: Plan, place: Place, limit_rows: int, major: str) -> None:
    """Raise what would take a deploy's time, or the traffic's. A service without tables has neither."""
    weighed = {one.name for one in todo.pending if one.service in todo.head and one.service != PLATFORM}
    if not weighed:
        return
    # The parser is large, and most deploys bring nothing to parse.
    from lamppost.migrate import risk, sizes

    facts = sizes.survey(place.conninfo)
    for migration, judged in zip(todo.pending, risk.judge_all(todo.pending, facts, pg=major), strict=True):
        sentence = risk.too_heavy(_known(judged, migration), limit_rows) if judged.name in weighed else None
        if sentence is not None:
            raise AuthorError(
                sentence,
                fix="begin the file with `-- lamppost: job`, deploy, and run it beside the traffic:"
                f" lamppost migrate job run {migration.name}",
                code="migrator_heavy",
            )


def _known(judged: "FileRisk", migration: Migration) -> "FileRisk":
    """What can be judged of a file whose author answers for the rest of it, with a reason."""
    if not any(one.rule == UNREADABLE for one in header.read(migration.text).allowances):
        return judged
    known = tuple(one for one in judged.statements if one.risk != "unknown")
    return msgspec.structs.replace(judged, statements=known)


def _schemas(bundle: Bundle) -> list[str]:
    return [service for service in bundle.services if service != PLATFORM]


def _connected(place: Place) -> ledger.Connection:
    try:
        return psycopg.connect(place.conninfo, autocommit=True, application_name="lamppost migrate")
    except psycopg.OperationalError as refused:
        raise faults.why_no_connection(refused) from refused
