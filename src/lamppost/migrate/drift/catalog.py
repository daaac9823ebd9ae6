"""A description of a database's schemas that two servers give alike when their schemas are alike."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate import ledger
from lamppost.migrate.drift.queries import ALL

Connection = psycopg.Connection[tuple[Any, ...]]

SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
# Enough for a hundred thousand objects; a live server must not be kept busy by a look at it.
TIMEOUT = "15s"
NAMED = "n.nspname = any(%s)"
OTHERS = """
select nspname from pg_namespace
 where nspname <> all(%s) and nspname !~ '^pg_' and nspname <> 'information_schema'
   and not exists (select from pg_depend where classid = 'pg_namespace'::regclass and objid = pg_namespace.oid
                                           and deptype = 'e')
 order by 1
"""
ROLES = "select rolname from pg_roles where rolname !~ '^pg_' order by 1"
LEDGER_OWNER = (
    "select pg_get_userbyid(relowner) from pg_class where oid = to_regclass('public.schema_migrations')"
)

_SPACE = re.compile(r"\s+")


class Thing(msgspec.Struct, frozen=True, order=True):
    """One object of a schema: a table, a column (`people.name`), an index, a right to come."""

    schema: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.schema}.{self.name}" if self.kind != "schema" else f"schema {self.name}"


class Described(msgspec.Struct, frozen=True):
    """A database at one moment: its server's version number (180006), its things, and its ledger."""

    version: int
    things: dict[Thing, str]
    rows: tuple[ledger.Row, ...]
    roles: tuple[str, ...]
    owner: str | None
    other_schemas: tuple[str, ...]


def describe(conninfo: str, schemas: Sequence[str] | None) -> Described:
    """Describe these schemas, or all of the database, out of one snapshot. Any role may; nothing is changed.

    Raises `OperatorError` when the database cannot be reached or takes too long to answer.
    """
    try:
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as connection:
            rows = ledger.read(connection)
            with _one_snapshot(connection):
                described = _described(connection, schemas, rows)
            if ledger.read(connection) != rows:
                raise OperatorError(
                    "files were applied while the catalog was read",
                    fix="let the deploy finish, and run this again",
                    code="drift_moving",
                )
            return described
    except psycopg.errors.QueryCanceled as late:
        raise OperatorError(
            f"the catalog was not read within {TIMEOUT}",
            fix="try again when the server is less busy",
            code="drift_timeout",
        ) from late
    except psycopg.OperationalError as refused:
        raise OperatorError(
            f"the database cannot be reached: {str(refused).strip()}",
            fix="give --postgres the URL of a server that answers",
            code="not_running",
        ) from refused


@contextmanager
def _one_snapshot(connection: Connection) -> Iterator[None]:
    connection.execute("begin isolation level repeatable read read only")
    # Names are printed with their schemas then, whatever this role's search path is.
    for name, value in (("statement_timeout", TIMEOUT), ("lock_timeout", "2s"), ("search_path", "")):
        connection.execute("select set_config(%s, %s, true)", (name, value))
    yield
    connection.rollback()


def _described(
    connection: Connection, schemas: Sequence[str] | None, rows: tuple[ledger.Row, ...]
) -> Described:
    others: Sequence[str] = [row[0] for row in connection.execute(OTHERS, (list(schemas or ()),)).fetchall()]
    wanted = list(schemas) if schemas is not None else list(others)
    things: dict[Thing, str] = {}
    for query in ALL:
        # Our own text throughout: the one value in it is a parameter.
        text = query.replace("%", "%%").replace("{mine}", NAMED)
        for schema, kind, name, definition in connection.execute(text.encode(), (wanted,)).fetchall():
            things[Thing(schema, kind, name)] = _SPACE.sub(" ", definition or "").strip()
    owner = connection.execute(LEDGER_OWNER).fetchone()
    return Described(
        version=connection.info.server_version,
        things=things,
        rows=rows,
        roles=tuple(row[0] for row in connection.execute(ROLES).fetchall()),
        owner=owner[0] if owner else None,
        other_schemas=tuple(others) if schemas is not None else (),
    )
