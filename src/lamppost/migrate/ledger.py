"""The ledger, `public.schema_migrations`: which files this database has, and in what shape it got them.

`id, name, applied_at` are what every migrator of this kind keeps; the other columns are ours, and a ledger
that lacks them is widened in place. It is created and written only by the holder of the migration lock.
"""

from datetime import datetime
from typing import Any

import msgspec
import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.files import Migration

Connection = psycopg.Connection[tuple[Any, ...]]

CREATE = """
create table if not exists public.schema_migrations (
    id         serial primary key,
    name       text not null unique,
    applied_at timestamptz not null default now()
)
"""
WIDEN = """
alter table public.schema_migrations
    add column if not exists sha256        text,
    add column if not exists text_sha256   text,
    add column if not exists service       text,
    add column if not exists execution_ms  integer,
    add column if not exists applied_by    text,
    add column if not exists tool_version  text,
    add column if not exists statements    integer
"""
DESCRIBE = """
comment on column public.schema_migrations.statements is
    'How many statements of an unfinished file ran; sha256 is then their hash. Null once the file is whole.'
"""
READ = """
select name, applied_at, sha256, text_sha256, service, applied_by, statements
  from public.schema_migrations
 order by id
"""
READ_NARROW = "select name, applied_at from public.schema_migrations order by id"
# A file that ended its transaction finds another one here, and nothing is recorded.
RECORD = """
insert into public.schema_migrations
       (name, sha256, text_sha256, service, execution_ms, applied_by, tool_version)
select %(name)s, %(sha256)s, %(text_sha256)s, %(service)s,
       extract(epoch from clock_timestamp() - now()) * 1000, session_user, %(tool)s
 where pg_current_xact_id()::text = %(transaction)s
"""
BEGIN_STEPS = """
insert into public.schema_migrations (name, sha256, service, applied_by, tool_version, statements)
values (%(name)s, %(ran)s, %(service)s, session_user, %(tool)s, 0)
on conflict (name) do nothing
"""
STEPS_DONE = "select statements from public.schema_migrations where name = %s"
RECORD_STEP = (
    "update public.schema_migrations set statements = %(count)s, sha256 = %(ran)s where name = %(name)s"
)
RECORD_WHOLE = """
update public.schema_migrations
   set statements = null, sha256 = %(sha256)s, text_sha256 = %(text_sha256)s,
       execution_ms = extract(epoch from clock_timestamp() - applied_at) * 1000, applied_at = now()
 where name = %(name)s
"""


class Row(msgspec.Struct, frozen=True):
    """One applied file. Without `sha256` another tool wrote it; with `statements` it is unfinished."""

    name: str
    applied_at: datetime
    sha256: str | None = None
    text_sha256: str | None = None
    service: str | None = None
    applied_by: str | None = None
    statements: int | None = None


def read(connection: Connection) -> tuple[Row, ...]:
    """All rows, oldest first; none where there is no ledger yet. One round trip in the usual case."""
    try:
        return tuple(Row(*row) for row in connection.execute(READ).fetchall())
    except psycopg.errors.UndefinedTable:
        return ()
    except psycopg.errors.UndefinedColumn:
        return tuple(Row(*row) for row in connection.execute(READ_NARROW).fetchall())


def ensure(connection: Connection) -> None:
    """Create the ledger, or widen one that another tool made. Call it under the lock only."""
    try:
        with connection.transaction():
            connection.execute(CREATE)
            connection.execute(WIDEN)
            connection.execute(DESCRIBE)
    except psycopg.errors.InsufficientPrivilege as refused:
        raise OperatorError(
            f"the ledger public.schema_migrations cannot be made or widened: {str(refused).strip()}",
            fix="run the provisioning first, or make the migrator role its owner",
            code="ledger_rights",
        ) from refused


def record(connection: Connection, migration: Migration, *, tool: str, transaction: str) -> bool:
    """Note a file as applied, inside its transaction. False when the current one is another."""
    values = {"tool": tool, "transaction": transaction, **_hashes(migration)}
    return connection.execute(RECORD, values).rowcount == 1


def begin_steps(connection: Connection, migration: Migration, *, tool: str, ran: str) -> None:
    """Note that a file without a transaction has begun. Doing it again changes nothing."""
    connection.execute(BEGIN_STEPS, {"tool": tool, "ran": ran, **_hashes(migration)})


def record_step(connection: Connection, name: str, *, count: int, ran: str) -> None:
    """Note that the first `count` statements ran, whose hash is `ran`."""
    connection.execute(RECORD_STEP, {"name": name, "count": count, "ran": ran})


def steps_done(connection: Connection, name: str) -> int:
    """How many statements of this unfinished file ran."""
    row = connection.execute(STEPS_DONE, (name,)).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def record_whole(connection: Connection, migration: Migration) -> None:
    """Note that the last statement ran."""
    connection.execute(RECORD_WHOLE, _hashes(migration))


def _hashes(migration: Migration) -> dict[str, str]:
    return {
        "name": migration.name,
        "service": migration.service,
        "sha256": migration.sha256,
        "text_sha256": migration.text_sha256,
    }
