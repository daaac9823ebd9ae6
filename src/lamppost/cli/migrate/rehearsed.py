"""What is rehearsed: databases prepared on a throw-away server, and which of their files are judged."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.files import PLATFORM, Bundle, discover, loose
from lamppost.migrate.naming import service_of

if TYPE_CHECKING:
    from lamppost.local.postgres.cluster import Cluster

LOOSE_DATABASE = "rehearsal"


class Play(msgspec.Struct, frozen=True):
    """The files of one database, where each lies, its schemas, and the names of those to judge."""

    database: str
    bundle: Bundle
    paths: dict[str, Path]
    schemas: tuple[str, ...]
    judged: frozenset[str]

    @property
    def is_loose(self) -> bool:
        """Whether the files lie outside a Lamppost repository."""
        return PLATFORM not in self.bundle.services


def plays(paths: Sequence[Path], changed: str | None, source: str | None) -> list[Play]:
    """The databases that `paths` speak of: all of the repository for none, else a folder or some files.

    `changed` is a git revision: files that differ from it are judged. `source` is the URL of a server (of a
    database for a loose folder) whose ledger says what is applied already. Raises `LamppostError`.
    """
    found = list(_of_repository(paths)) if not paths or _in_services(paths) else [_of_folder(paths)]
    if changed is not None:
        names = _changed(changed)
        found = [_only(play, names) for play in found]
    if source is not None:
        found = [_only(play, play.judged - _applied(play, source)) for play in found]
    return [play for play in found if play.judged]


def prepare(cluster: "Cluster", play: Play) -> str | None:
    """Make the database as production has it, still without tables; the role that will own them."""
    from lamppost.migrate.provision import provision, roles

    if not play.is_loose:
        provision(cluster.dsn("postgres"), play.database, play.schemas, "rehearsal")
        return roles(play.database).migrator
    import psycopg
    from psycopg import sql

    owner = f"{play.database}_owner"
    words = {"database": sql.Identifier(play.database), "owner": sql.Identifier(owner)}
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create role {owner} createrole").format(**words))
        admin.execute(sql.SQL("create database {database} owner {owner}").format(**words))
        for role in _roles(play.bundle):
            admin.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
    with psycopg.connect(cluster.dsn(play.database), autocommit=True) as inside:
        for schema in play.schemas:
            inside.execute(
                sql.SQL("create schema {} authorization {owner}").format(sql.Identifier(schema), **words)
            )
    return owner


def _of_repository(paths: Sequence[Path]) -> Iterator[Play]:
    from lamppost.pack.discover import discover as declared

    root = Path.cwd()
    wanted = {path.resolve() for path in paths}
    for database, (_, services) in declared(root).databases().items():
        folders = [(service.name, root / service.folder / "migrations") for service in services]
        bundle = discover(folders)
        places = {path.name: path for _, folder in folders for path in folder.glob("*.sql")}
        judged = frozenset(name for name, path in places.items() if not wanted or _within(path, wanted))
        yield Play(database, bundle, places, tuple(service.name for service in services), judged)


def _of_folder(paths: Sequence[Path]) -> Play:
    folders = {path if path.is_dir() else path.parent for path in paths}
    if len(folders) > 1:
        raise AuthorError(
            "files of several folders, and nothing says in which order they run",
            fix="name one folder, or files of one folder",
            code="rehearse_folders",
        )
    folder = folders.pop()
    bundle = loose(folder)
    places = {path.name: path for path in folder.glob("*.sql")}
    wanted = {path.resolve() for path in paths}
    judged = frozenset(name for name, path in places.items() if _within(path, wanted))
    if missing := [str(path) for path in paths if not path.exists()]:
        raise OperatorError(f"there is no {missing[0]}", fix="name files that exist", code="rehearse_path")
    return Play(LOOSE_DATABASE, bundle, places, _schemas(bundle), judged)


def _within(path: Path, wanted: set[Path]) -> bool:
    real = path.resolve()
    return real in wanted or any(parent in wanted for parent in real.parents)


def _in_services(paths: Sequence[Path]) -> bool:
    """Whether all of them lie in `services/` of the repository we stand in."""
    services = Path.cwd() / "services"
    return services.is_dir() and all(services.resolve() in path.resolve().parents for path in paths)


def _only(play: Play, names: frozenset[str]) -> Play:
    return msgspec.structs.replace(play, judged=play.judged & names)


def _changed(base: str) -> frozenset[str]:
    """The names of the `*.sql` that differ from revision `base`, or that git does not know yet."""
    names: set[str] = set()
    for command in (
        ("git", "diff", "--name-only", "--diff-filter=d", base, "--", "*.sql"),
        ("git", "ls-files", "--others", "--exclude-standard", "--", "*.sql"),
    ):
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        if said.returncode:
            raise OperatorError(
                f"git does not know what changed since {base!r}: {said.stderr.strip()}",
                fix="name a branch or commit that was fetched",
                code="rehearse_changed",
            )
        names.update(Path(line).name for line in said.stdout.splitlines())
    return frozenset(names)


def _applied(play: Play, source: str) -> frozenset[str]:
    """What the ledger of a live server says is whole there."""
    import psycopg

    from lamppost.local.postgres.external import External
    from lamppost.migrate import ledger

    conninfo = source if play.is_loose else External(source).dsn(play.database)
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
            connection.read_only = True
            return frozenset(row.name for row in ledger.read(connection) if row.statements is None)
    except psycopg.OperationalError as refused:
        raise OperatorError(
            f"the ledger cannot be read: {str(refused).strip()}",
            fix="give --from the URL of a server that answers",
            code="rehearse_from",
        ) from refused


def _schemas(bundle: Bundle) -> tuple[str, ...]:
    """Schemas of the services in the files' names, where no file makes them itself."""
    named = {service for one in bundle.migrations if (service := service_of(one.name))}
    made = " ".join(one.text.lower() for one in bundle.migrations)
    return tuple(sorted(name for name in named if f"create schema {name}" not in made))


def _roles(bundle: Bundle) -> tuple[str, ...]:
    """Roles that files grant something to, and that no server of one run has."""
    from lamppost.migrate.lint import model
    from lamppost.migrate.lint.parse import Unreadable, parse
    from lamppost.migrate.lint.source import Source
    from lamppost.migrate.lint.translate import Translator

    found: set[str] = set()
    for migration in bundle.migrations:
        source = Source(migration.text.encode())
        translator = Translator(source)
        for parsed in parse(source):
            if isinstance(parsed, Unreadable):
                continue
            for statement in translator.statements(parsed):
                match statement.what if not isinstance(statement, Unreadable) else None:
                    case model.Grant(roles=roles):
                        found.update(roles)
    return tuple(sorted(role for role in found if not role.startswith(("pg_", "current_", "session_")))) or ()


def version_of(cluster: Any, wanted: str | None) -> str:
    """The major version that lint and plan assume: the one asked for, else the server's own."""
    return wanted or str(cluster.version).split(".", maxsplit=1)[0]
