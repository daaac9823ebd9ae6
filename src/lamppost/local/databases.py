"""The databases of the local system: made, migrated, and opened by the secrets their services name."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import msgspec
import psycopg
from psycopg import sql

import lamppost
from lamppost.declare import names
from lamppost.derive.manifest import DatabaseEntry, Manifest, ServiceEntry
from lamppost.local.stores import SecretStore
from lamppost.migrate.apply import apply
from lamppost.migrate.events import Event
from lamppost.migrate.files import Bundle, discover
from lamppost.migrate.provision import provision, roles

HOME = "lamppost_local"

Say = Callable[[str], None]

_PREPARED = """
select p.database, p.fingerprint
  from local.prepared as p
  join pg_database as d on d.datname = p.database and d.oid = p.oid
"""
_REMEMBER = """
insert into local.prepared (database, oid, fingerprint)
select datname, oid, %(fingerprint)s from pg_database where datname = %(database)s
    on conflict (database) do update set oid = excluded.oid, fingerprint = excluded.fingerprint
"""


class Server(Protocol):
    """A PostgreSQL server: the embedded one, or the operator's own."""

    def dsn(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URL."""
        ...


class Databases:
    """Prepares every database a manifest names. Runs in a thread: psycopg's plain connections."""

    def __init__(self, server: Server, store: SecretStore) -> None:
        self._server = server
        self._store = store

    def prepare_home(self, say: Say) -> str:
        """Make and migrate the runner's own database; its conninfo."""
        with psycopg.connect(self._server.dsn("postgres"), autocommit=True) as admin:
            if not admin.execute("select 1 from pg_database where datname = %s", (HOME,)).fetchone():
                admin.execute(sql.SQL("create database {}").format(sql.Identifier(HOME)))
        home = self._server.dsn(HOME)
        own = Path(lamppost.__file__).parent / "local" / "migrations"
        apply(home, discover([("local", own)]), role=None, report=_spoken(HOME, say))
        return home

    def credentials(self, manifest: Manifest) -> bool:
        """Let every database's secret say where it is and how to enter; whether all had one before."""
        if any(function.migrates for service in manifest.services for function in service.functions):
            self._administrator()
        known = [self._credentials(database)[1] for database, _ in manifest.databases().values()]
        return all(known)

    def prepare(self, manifest: Manifest, root: Path, say: Say) -> dict[str, str]:
        """Make and migrate every declared database; name to the administrator's conninfo.

        The files are those of the services below `root`.

        What stands as the last start left it (same files, same server) is not asked again.
        Raises what a migration raises: nothing of that file stays, files before it do.
        """
        with psycopg.connect(self._server.dsn(HOME), autocommit=True) as home:
            prepared: dict[str, str] = dict(home.execute(_PREPARED).fetchall())
            for name, (database, services) in manifest.databases().items():
                folders = [(service.name, root / service.folder / "migrations") for service in services]
                bundle = discover([(service, folder) for service, folder in folders if folder.is_dir()])
                password, _ = self._credentials(database)
                fingerprint = _fingerprint(bundle, [service.name for service in services], password)
                if prepared.get(name) != fingerprint:
                    self._prepare(database, services, bundle, password, say)
                    home.execute(_REMEMBER, {"database": name, "fingerprint": fingerprint})
        return {name: self._server.dsn(name) for name in manifest.databases()}

    def _prepare(
        self,
        database: DatabaseEntry,
        services: tuple[ServiceEntry, ...],
        bundle: Bundle,
        password: str,
        say: Say,
    ) -> None:
        schemas = [service.name for service in services]
        provision(self._server.dsn("postgres"), database.name, schemas, password)
        role = roles(database.name).migrator
        apply(self._server.dsn(database.name), bundle, role=role, report=_spoken(database.name, say))

    def _credentials(self, database: DatabaseEntry) -> tuple[str, bool]:
        """The app role's password and whether it is an old one; the secret follows the server's address."""
        name = names.physical(database.secret, names.LOCAL_ENV)
        kept = self._store.get(name)
        known = msgspec.json.decode(kept, type=dict[str, object]) if kept else {}
        password = str(known.get("password") or secrets.token_urlsafe(24))
        place = urlsplit(self._server.dsn(database.name))
        wanted = {
            "engine": "postgres",
            "username": roles(database.name).app,
            "password": password,
            "host": place.hostname or "127.0.0.1",
            "port": place.port or 5432,
            "dbname": database.name,
        }
        if known != wanted:
            self._keep(name, msgspec.json.encode(wanted).decode())
        return password, bool(kept)

    def _administrator(self) -> None:
        """The administrator's secret, in the form RDS gives it."""
        name = names.physical(names.ADMINISTRATOR, names.LOCAL_ENV)
        place = urlsplit(self._server.dsn("postgres"))
        wanted = {
            "engine": "postgres",
            "username": unquote(place.username or ""),
            "password": unquote(place.password or ""),
            "host": place.hostname or "127.0.0.1",
            "port": place.port or 5432,
        }
        kept = self._store.get(name)
        if kept is None or msgspec.json.decode(kept) != wanted:
            self._keep(name, msgspec.json.encode(wanted).decode())

    def _keep(self, name: str, value: str) -> None:
        if self._store.find(name) is None:
            self._store.create(name, value)
        else:
            self._store.put(name, value)


def _fingerprint(bundle: Bundle, schemas: list[str], password: str) -> str:
    """Changes with the files, the schemas, the password and Lamppost itself."""
    parts = [lamppost.__version__, *schemas, password, *(f"{m.name} {m.sha256}" for m in bundle.migrations)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _spoken(database: str, say: Say) -> Callable[[Event], None]:
    def report(event: Event) -> None:
        say(f"{database}: {event}")

    return report
