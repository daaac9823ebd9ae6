"""Fresh databases in milliseconds: a set of services is migrated once, into a template, and then copied."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lamppost.local.postgres.address import Address
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, discover
from lamppost.migrate.provision import Roles, provision, roles

DONE = "select datistemplate from pg_database where datname = %s"


class TestDatabase:
    """A database of one test. `app` and `admin` are libpq URLs: the functions' role, and the superuser."""

    __test__ = False

    def __init__(self, name: str, server: Address, names: Roles) -> None:
        self.name = name
        self.server = server
        self.roles = names
        self.admin = server.dsn(name)
        self.app = server.dsn(name, user=names.app, password=server.password)
        self._open = ExitStack()

    def connect(self, *, admin: bool = False, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection as the functions' role, or as the superuser; it is closed when the test ends."""
        connection = psycopg.connect(self.admin if admin else self.app, autocommit=autocommit)
        return self._open.enter_context(connection)

    def close(self) -> None:
        """Close what `connect` opened."""
        self._open.close()


class Databases:
    """Makes the databases of one server."""

    def __init__(self, server: Address, services: Path) -> None:
        self.server = server
        self.services = services

    def make(self, services: tuple[str, ...], folders: tuple[tuple[str, Path], ...] = ()) -> TestDatabase:
        """A new database with the tables of these services."""
        places = tuple((name, self.services / name / "migrations") for name in services) + folders
        bundle = discover(places)
        template = _template_name(bundle)
        with self._admin() as admin:
            self._ensure_template(admin, template, bundle)
            name = f"test_{secrets.token_hex(6)}"
            owner = roles(template)
            admin.execute(
                sql.SQL("create database {} template {} owner {}").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner.migrator)
                )
            )
        return TestDatabase(name, self.server, owner)

    def drop(self, database: TestDatabase) -> None:
        """Remove a database, whoever is still connected."""
        with self._admin() as admin:
            admin.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name))
            )

    def _ensure_template(
        self, admin: psycopg.Connection[tuple[Any, ...]], template: str, bundle: Bundle
    ) -> None:
        """The migrated template of this bundle, made by one worker while the others wait for it."""
        if _is_done(admin, template):
            return
        admin.execute("select pg_advisory_lock(hashtext(%s))", (template,))
        try:
            if _is_done(admin, template):
                return
            schemas = [service for service in bundle.services if service != "lamppost"]
            provision(self.server.dsn("postgres"), template, schemas, self.server.password)
            apply(self.server.dsn(template), bundle, role=roles(template).migrator)
            admin.execute(sql.SQL("alter database {} is_template true").format(sql.Identifier(template)))
        finally:
            admin.execute("select pg_advisory_unlock(hashtext(%s))", (template,))

    @contextmanager
    def _admin(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with psycopg.connect(self.server.dsn("postgres"), autocommit=True) as connection:
            yield connection


def _template_name(bundle: Bundle) -> str:
    parts = (bundle.services, [(migration.name, migration.sha256) for migration in bundle.migrations])
    return f"template_{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _is_done(admin: psycopg.Connection[tuple[Any, ...]], template: str) -> bool:
    row = admin.execute(DONE, (template,)).fetchone()
    return row is not None and bool(row[0])
