"""`lamppost migrate`: which files each database has, which it lacks, and bringing them in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from cyclopts import App, Parameter

from lamppost.cli.output import show, wants_json
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.errors import AuthorError, OperatorError

if TYPE_CHECKING:
    from lamppost.migrate.events import Event
    from lamppost.migrate.files import Bundle
    from lamppost.migrate.plan import Plan, Status

Postgres = Annotated[
    str | None, Parameter(name="--postgres", help="Another server's URL instead of the local system's.")
]
Late = Annotated[
    bool, Parameter(name="--allow-late", negative=(), help="Accept files older than the newest applied one.")
]

app = App(name="migrate", help="How the tables change: status, plan, apply, new, lint.")


class Server(Protocol):
    """Whatever knows the way to a database."""

    def dsn(self, database: str) -> str:
        """A libpq URL for the administrator."""
        ...


@app.command
def status(*, data: Data = DEFAULT_DATA, postgres: Postgres = None, json: Json = False) -> int:
    """Every migration of every database, and its state."""
    from lamppost.migrate.plan import REFUSED
    from lamppost.migrate.plan import status as status_of

    found: dict[str, Status] = {}
    for database, bundle, server in _databases(data, postgres):
        with _connected(server, database) as connection:
            found[database] = status_of(connection, bundle)
    pending = sum(one.count("pending", "unfinished") for one in found.values())
    refused = sum(one.count(*REFUSED) for one in found.values())
    value = {"databases": found, "pending": pending, "refused": refused}
    show(value, lambda: _status_words(found, pending, refused), as_json=json)
    return 1 if refused else 0


@app.command
def plan(
    *, data: Data = DEFAULT_DATA, postgres: Postgres = None, allow_late: Late = False, json: Json = False
) -> int:
    """What `apply` would do, and what it would refuse."""
    from lamppost.migrate.plan import plan as plan_of

    found: dict[str, Plan] = {}
    for database, bundle, server in _databases(data, postgres):
        with _connected(server, database) as connection:
            found[database] = plan_of(connection, bundle, allow_late=allow_late)
    value = {database: _plan_facts(one) for database, one in found.items()}
    show({"databases": value}, lambda: _plan_words(found), as_json=json)
    return 1 if any(one.refusals for one in found.values()) else 0


@app.command
def apply(
    *, data: Data = DEFAULT_DATA, postgres: Postgres = None, allow_late: Late = False, json: Json = False
) -> int:
    """Bring every database to the state of the files. Safe to run at any time and more than once."""
    from lamppost.migrate.apply import apply as apply_to
    from lamppost.migrate.provision import roles

    applied: dict[str, tuple[str, ...]] = {}
    heads: dict[str, dict[str, str]] = {}
    quiet = wants_json(json)

    def report(event: "Event") -> None:
        if not quiet:
            print(f"  {event}")

    for database, bundle, server in _databases(data, postgres):
        with _connected(server, database):
            pass
        outcome = apply_to(
            server.dsn(database),
            bundle,
            role=roles(database).migrator,
            report=report,
            allow_late=allow_late,
        )
        applied[database], heads[database] = outcome.applied, outcome.head
    count = sum(len(names) for names in applied.values())
    words = f"{_files(count)} applied" if count else "nothing to apply"
    facts = {name: {"applied": applied[name], "head": heads[name]} for name in applied}
    show(
        {"databases": facts},
        lambda: f"{words}; {_counted(len(applied), 'database')} up to date",
        as_json=json,
    )
    return 0


@app.command(name="lint", help_flags=[])
def lint(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """What the files would do to a busy database: lamppost migrate lint PATH… (--help says more)."""
    from lamppost.cli.migrate_lint import main

    return main(list(arguments))


@app.command
def new(
    service: Annotated[str, Parameter(help="The service whose tables change: birthday, …")],
    *description: Annotated[
        str, Parameter(help="What changes, in a few words: they become the file's name.")
    ],
    json: Json = False,
) -> int:
    """Start a migration of SERVICE: a file with the right name, in the right folder, after all others."""
    from lamppost.migrate.files import STAMP, check_name

    folder = Path("services") / service
    if not folder.is_dir():
        raise AuthorError(
            f"there is no service folder {folder}",
            fix="name one of: " + _known_services(),
            code="migration_owner",
        )
    about = "_".join(re.findall(r"[a-z0-9]+", " ".join(description).lower()))
    stamp = datetime.now(UTC)
    newest = max((path.name for path in (folder / "migrations").glob("*.sql")), default="")
    if newest[: len("2025-11-01T0900")] >= stamp.strftime(STAMP):
        # A file that sorts before an applied one would be refused as late.
        stamp = datetime.strptime(newest[: len("2025-11-01T0900")], STAMP).replace(tzinfo=UTC) + timedelta(
            minutes=1
        )
    name = f"{stamp.strftime(STAMP)}__{service}__{about}.sql"
    check_name(name, service)
    path = folder / "migrations" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("x") as file:
        file.write(f"-- {' '.join(description).capitalize()}: say who needs it.\n")
    show({"file": str(path)}, lambda: f"write its SQL in {path}", as_json=json)
    return 0


def _databases(data: Path, postgres: str | None) -> Iterator[tuple[str, "Bundle", Server]]:
    """Every declared database with its files, and the server it is on."""
    from lamppost.migrate.files import discover
    from lamppost.pack.discover import discover as declared

    root = Path.cwd()
    server = _server(data, postgres)
    for database, (_, services) in declared(root).databases().items():
        folders = [(service.name, root / service.folder / "migrations") for service in services]
        yield database, discover(folders), server


def _server(data: Path, postgres: str | None) -> Server:
    if postgres is not None:
        from lamppost.local.postgres.external import External

        return External(postgres)
    from lamppost.local.postgres import address

    found = address.read(data / "postgres")
    if found is None:
        raise OperatorError(
            f"there is no database in {data}", fix="start the system once: lamppost up", code="not_running"
        )
    return found


@contextmanager
def _connected(server: Server, database: str) -> Iterator[Any]:
    """A connection that reads; a server that is down is said so, without its password."""
    import psycopg

    try:
        connection = psycopg.connect(server.dsn(database), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as refused:
        raise OperatorError(
            f"database {database!r} cannot be reached: {str(refused).strip()}",
            fix="start the system: lamppost up (it also makes databases that are missing)",
            code="not_running",
        ) from refused
    with connection:
        yield connection


def _status_words(found: "dict[str, Status]", pending: int, refused: int) -> str:
    lines: list[str] = []
    for database, one in found.items():
        lines.append(f"{database}: {_files(one.count('applied'))} applied")
        lines += [
            f"  {entry.state:<10} {entry.name}{f': {entry.about}' if entry.about else ''}"
            for entry in one.entries
            if entry.state != "applied" or entry.about
        ]
    if refused:
        lines.append(f"{_files(refused)} would be refused: lamppost migrate plan says why and what to do")
    elif pending:
        lines.append(f"{_files(pending)} pending: lamppost migrate apply")
    else:
        lines.append(f"{_counted(len(found), 'database')} up to date")
    return "\n".join(lines)


def _plan_words(found: "dict[str, Plan]") -> str:
    lines: list[str] = []
    for database, one in found.items():
        for migration in one.pending:
            ran = one.begun.get(migration.name)
            how = "" if migration.in_transaction else " (statement by statement, no transaction)"
            lines.append(
                f"{database}: apply {migration.name}{how}{f', from statement {ran + 1}' if ran else ''}"
            )
        lines += [f"{database}: {notice}" for notice in one.notices]
        lines += [f"{database}: refused: {refusal}" for refusal in one.refusals]
    pending = sum(len(one.pending) for one in found.values())
    refused = sum(len(one.refusals) for one in found.values())
    verdict = (
        f"{_files(refused)} refused: nothing would be applied there"
        if refused
        else f"{_files(pending)} to apply"
    )
    return "\n".join([*lines, verdict])


def _plan_facts(one: "Plan") -> dict[str, Any]:
    return {
        "pending": [
            {
                "name": migration.name,
                "in_transaction": migration.in_transaction,
                "ran": one.begun.get(migration.name),
            }
            for migration in one.pending
        ],
        "notices": one.notices,
        "refusals": [{"what": r.what, "fix": r.fix, "code": r.code} for r in one.refusals],
    }


def _files(count: int) -> str:
    return _counted(count, "migration")


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _known_services() -> str:
    return (
        ", ".join(sorted(path.parent.name for path in Path("services").glob("*/service.py"))) or "(none here)"
    )
