"""The ledger, `public.schema_migrations`: which files this database has, and in what shape it got them.

`id, name, applied_at` are what every migrator of this kind keeps; the other columns are ours, and a ledger
that lacks them is widened in place. It is created and written only by the holder of the migration lock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from lamppost.errors import OperatorError

Connection = psycopg.Connection[tuple[Any, ...]]

CREATE = """
create table if not exists public.schema_migrations (
    id         serial primary key,
    name       text not null unique,
    applied_at timestamptz not null default now()
)
"""
OURS = {
    "sha256": "text",
    "text_sha256": "text",
    "service": "text",
    "execution_ms": "integer",
    "applied_by": "text",
    "tool_version": "text",
    "statements": "integer",
    "running": "integer",
    "text": "text",
    "why": "text",
}
DESCRIBE = """
comment on column public.schema_migrations.statements is
    'How many statements of an unfinished file ran; sha256 is then their hash. Null once the file is whole.';
comment on column public.schema_migrations.running is
    'The statement that began outside a transaction and whose end nobody has noted yet.';
comment on column public.schema_migrations.text is 'The file as it was applied.';
comment on column public.schema_migrations.why is 'Why a person recorded this row without running the file.'
"""
COLUMNS = """
select attname from pg_attribute
 where attrelid = to_regclass('public.schema_migrations') and attnum > 0 and not attisdropped
"""
WANTED = ("name", "applied_at", "sha256", "text_sha256", "service", "applied_by", "statements", "running")
READ = f"select {', '.join(WANTED)} from public.schema_migrations order by id"
TEXTS = "select name, text from public.schema_migrations where name = any(%s)"


class Row(msgspec.Struct, frozen=True):
    """One applied file. Without `sha256` another tool wrote it; with `statements` it is unfinished.

    `running` is the statement of an unfinished file that began outside a transaction, its end unknown.
    `text` is read only where it is needed.
    """

    name: str
    applied_at: datetime
    sha256: str | None = None
    text_sha256: str | None = None
    service: str | None = None
    applied_by: str | None = None
    statements: int | None = None
    running: int | None = None
    text: str | None = None


def read(connection: Connection) -> tuple[Row, ...]:
    """All rows, oldest first; none where there is no ledger yet. One round trip in the usual case."""
    try:
        return tuple(Row(*row) for row in connection.execute(READ).fetchall())
    except psycopg.errors.UndefinedTable:
        return ()
    except psycopg.errors.UndefinedColumn:
        return _read_narrow(connection)
    except psycopg.errors.InsufficientPrivilege as refused:
        raise _no_rights("read", refused) from refused


def with_texts(connection: Connection, rows: Sequence[Row], names: Sequence[str]) -> tuple[Row, ...]:
    """`rows`, those of `names` with the text that was applied, where the ledger kept it."""
    try:
        texts: dict[str, str] = dict(connection.execute(TEXTS, (list(names),)).fetchall())
    except psycopg.errors.UndefinedColumn:
        return tuple(rows)
    return tuple(msgspec.structs.replace(row, text=texts.get(row.name)) for row in rows)


def ensure(connection: Connection) -> None:
    """Create the ledger, or widen one that lacks columns. Call it under the lock only."""
    standing = {name for (name,) in connection.execute(COLUMNS).fetchall()}
    if standing >= OURS.keys():
        return
    add = [
        sql.SQL("add column if not exists {} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in OURS.items()
    ]
    try:
        with connection.transaction():
            connection.execute(CREATE)
            connection.execute(
                sql.SQL("alter table public.schema_migrations {}").format(sql.SQL(", ").join(add))
            )
            connection.execute(DESCRIBE)
    except psycopg.errors.InsufficientPrivilege as refused:
        raise _no_rights("made or widened", refused) from refused


def _read_narrow(connection: Connection) -> tuple[Row, ...]:
    """The rows of a ledger that lacks some of our columns."""
    standing = {name for (name,) in connection.execute(COLUMNS).fetchall()}
    kept = [name for name in WANTED if name in standing]
    order = "id" if "id" in standing else "applied_at"
    query = sql.SQL("select {} from public.schema_migrations order by {}").format(
        sql.SQL(", ").join(map(sql.Identifier, kept)), sql.Identifier(order)
    )
    try:
        return tuple(Row(**dict(zip(kept, row, strict=True))) for row in connection.execute(query).fetchall())
    except TypeError as foreign:
        raise OperatorError(
            "public.schema_migrations is another tool's: it has no name and applied_at",
            fix="rename that table, then adopt what it recorded: lamppost migrate baseline",
            code="ledger_foreign",
        ) from foreign


def _no_rights(what: str, refused: psycopg.Error) -> OperatorError:
    return OperatorError(
        f"the ledger public.schema_migrations cannot be {what}: {str(refused).strip()}",
        fix="run the provisioning first, or make the migrator role its owner",
        code="ledger_rights",
    )
