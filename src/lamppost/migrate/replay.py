"""Files applied where no deploy happens: no phase waits for code, and no job waits for its operator."""

import re
from collections.abc import Iterable

import msgspec
import psycopg
from psycopg import sql

from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.ledger import Connection


def replay(
    conninfo: str, migrations: Iterable[Migration], services: tuple[str, ...], role: str | None
) -> None:
    """Apply these files, in this order, one after the other, as `role`. Raises what `apply` raises."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        done: list[Migration] = []
        for migration in migrations:
            done.append(at_once(concrete(connection, migration)))
            apply(conninfo, Bundle(tuple(done), services), role=role, allow_late=True)


def at_once(migration: Migration) -> Migration:
    """The file as if all it waits for had happened."""
    return msgspec.structs.replace(migration, phase="expand", job=None)


def concrete(connection: Connection, migration: Migration) -> Migration:
    """A backfill in one stretch, from the first key of its table to the last; any other file as it is."""
    walk = migration.job.walk if migration.job else None
    if walk is None:
        return migration
    row = connection.execute(
        sql.SQL("select min({0}), max({0}) from {1}").format(
            sql.Identifier(walk.column), sql.Identifier(walk.schema, walk.table)
        )
    ).fetchone()
    first, last = (sql.Literal(one).as_string(connection) for one in row or (None, None))
    text = re.sub(r"\$([12])\b", lambda found: first if found[1] == "1" else last, migration.text)
    return msgspec.structs.replace(migration, text=text)
