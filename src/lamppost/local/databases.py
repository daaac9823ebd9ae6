"""The databases of the local system: made, migrated, and opened by the secrets their services name."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg import sql

import lamppost
from lamppost.declare import names
from lamppost.derive.manifest import DatabaseEntry, Manifest, ServiceEntry
from lamppost.local.stores import SecretStore
from lamppost.migrate.apply import apply
from lamppost.migrate.events import Event
from lamppost.migrate.files import discover
from lamppost.migrate.provision import provision

HOME = "lamppost_local"

Say = Callable[[str], None]


class Server(Protocol):
    """A PostgreSQL server: the embedded one, or the operator's own."""

    def dsn(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URL."""
        ...


class Databases:
    """Prepares every database a manifest names. Runs in a thread: psycopg's plain connections."""

    def __init__(self, server: Server, store: SecretStore, root: Path) -> None:
        self._server = server
        self._store = store
        self._root = root

    def prepare_home(self, say: Say) -> str:
        """Make and migrate the runner's own database; its conninfo."""
        with psycopg.connect(self._server.dsn("postgres"), autocommit=True) as admin:
            if not admin.execute("select 1 from pg_database where datname = %s", (HOME,)).fetchone():
                admin.execute(sql.SQL("create database {}").format(sql.Identifier(HOME)))
        home = self._server.dsn(HOME)
        own = Path(lamppost.__file__).parent / "local" / "migrations"
        apply(home, discover([("local", own)]), role=None, report=_spoken(HOME, say))
        return home

    def prepare(self, manifest: Manifest, say: Say) -> dict[str, str]:
        """Make and migrate every declared database; name to the administrator's conninfo.

        Raises what a migration raises: nothing of that file stays, files before it do.
        """
        return {
            name: self._prepare(database, services, say)
            for name, (database, services) in manifest.databases().items()
        }

    def _prepare(self, database: DatabaseEntry, services: tuple[ServiceEntry, ...], say: Say) -> str:
        password = self._credentials(database)
        schemas = [service.name for service in services]
        provision(self._server.dsn("postgres"), database.name, schemas, password)
        admin = self._server.dsn(database.name)
        folders = [(service.name, self._root / service.folder / "migrations") for service in services]
        bundle = discover([(name, folder) for name, folder in folders if folder.is_dir()])
        apply(admin, bundle, role=f"{database.name}_migrator", report=_spoken(database.name, say))
        return admin

    def _credentials(self, database: DatabaseEntry) -> str:
        """The app role's password, kept in the secret; the secret follows the server's address."""
        name = names.physical(database.secret, names.LOCAL_ENV)
        kept = self._store.get(name)
        known = msgspec.json.decode(kept, type=dict[str, object]) if kept else {}
        password = str(known.get("password") or secrets.token_urlsafe(24))
        place = urlsplit(self._server.dsn(database.name))
        wanted = {
            "engine": "postgres",
            "username": f"{database.name}_app",
            "password": password,
            "host": place.hostname or "127.0.0.1",
            "port": place.port or 5432,
            "dbname": database.name,
        }
        if known != wanted:
            self._keep(name, msgspec.json.encode(wanted).decode())
        return password

    def _keep(self, name: str, value: str) -> None:
        if self._store.find(name) is None:
            self._store.create(name, value)
        else:
            self._store.put(name, value)


def _spoken(database: str, say: Say) -> Callable[[Event], None]:
    def report(event: Event) -> None:
        say(f"{database}: {event}")

    return report
