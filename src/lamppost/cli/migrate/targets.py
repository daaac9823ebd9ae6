"""Which databases a command speaks of, and the files of each: a repository's, or one folder's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from lamppost.cli.periods import read_period
from lamppost.errors import OperatorError
from lamppost.migrate.files import Bundle, discover, loose

if TYPE_CHECKING:
    from lamppost.local.postgres.address import Address
    from lamppost.local.postgres.external import External

Folder = Annotated[
    Path | None,
    Parameter(help="A folder of migration files outside a Lamppost repository; it needs --postgres URL."),
]
Postgres = Annotated[
    str | None, Parameter(name="--postgres", help="Another server's URL instead of the local system's.")
]
Late = Annotated[
    bool, Parameter(name="--allow-late", negative=(), help="Accept files older than the newest applied one.")
]
Soak = Annotated[
    str | None,
    Parameter(
        name="--soak",
        help="How long code must be live before contract files go in: 1h, 2d; 0 asks for nothing."
        " Without it 1h with --postgres, 0 locally.",
    ),
]
DEFAULT_SOAK = "1h"


class Target(msgspec.Struct, frozen=True):
    """A database, the files it should have, the way to it, and the role that owns its tables."""

    database: str
    bundle: Bundle
    conninfo: str
    role: str | None


def targets(folder: Path | None, data: Path, postgres: str | None) -> Iterator[Target]:
    """Every declared database of this repository, or the one that `postgres` names for a loose `folder`."""
    if folder is not None:
        yield _loose(folder, postgres)
        return
    from lamppost.migrate.provision import roles
    from lamppost.pack.discover import discover as declared

    root = Path.cwd()
    server = _server(data, postgres)
    for database, (_, services) in declared(root).databases().items():
        folders = [(service.name, root / service.folder / "migrations") for service in services]
        yield Target(database, discover(folders), server.dsn(database), roles(database).migrator)


@contextmanager
def connected(target: Target) -> Iterator[Any]:
    """A connection in autocommit; a server that is down is said so, without its password."""
    import psycopg

    from lamppost.migrate.opening import opened

    try:
        connection = opened(target.conninfo, patience=5)
    except psycopg.OperationalError as refused:
        raise OperatorError(
            f"database {target.database!r} cannot be reached: {str(refused).strip()}",
            fix="start the system: lamppost up (it also makes databases that are missing)",
            code="not_running",
        ) from refused
    with connection:
        yield connection


def soak_of(said: str | None, postgres: str | None) -> timedelta | None:
    """How long code must be live before a contract file; None enforces no phases."""
    text = said if said is not None else (DEFAULT_SOAK if postgres else "0")
    return None if text.strip() in {"0", "0h", "0s", "0m", "0d"} else read_period(text)


def counted(count: int, thing: str) -> str:
    """`3 migrations`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _loose(folder: Path, postgres: str | None) -> Target:
    if postgres is None:
        raise OperatorError(
            f"{folder} belongs to no service, so its database is unknown",
            fix="name it: --postgres postgres://user@host/database",
            code="migration_target",
        )
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        database = str(conninfo_to_dict(postgres).get("dbname") or "")
    except ProgrammingError as wrong:
        raise OperatorError(
            f"--postgres is no URL of a database: {str(wrong).strip()}",
            fix="write postgres://user@host/database",
            code="migration_target",
        ) from wrong
    if not database:
        raise OperatorError(
            "--postgres names no database",
            fix="end it with the database's name: postgres://user@host/database",
            code="migration_target",
        )
    return Target(database, loose(folder), postgres, None)


def _server(data: Path, postgres: str | None) -> "Address | External":
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
