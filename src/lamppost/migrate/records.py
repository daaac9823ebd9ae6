"""What a run writes into the ledger. Rows of whole files are written inside the file's own transaction."""

import msgspec
from psycopg import ClientCursor

from lamppost.migrate.files import Migration
from lamppost.migrate.ledger import Connection

# One message: the row and the commit. A file that ended its transaction finds another number here; its row
# then lacks a name, which the ledger refuses, and the commit behind it is never reached.
RECORD_AND_COMMIT = """
insert into public.schema_migrations
       (name, sha256, text_sha256, service, execution_ms, applied_by, tool_version, text)
values (case when pg_current_xact_id()::text = %(transaction)s then %(name)s end,
        %(sha256)s, %(text_sha256)s, %(service)s,
        extract(epoch from clock_timestamp() - now()) * 1000, session_user, %(tool)s, %(text)s);
commit
"""
BEGIN_STEPS = """
insert into public.schema_migrations (name, sha256, service, applied_by, tool_version, statements, text)
values (%(name)s, %(ran)s, %(service)s, session_user, %(tool)s, 0, %(text)s)
on conflict (name) do update set text = excluded.text
 where schema_migrations.running is null
"""
BEGUN = "select statements, running, text from public.schema_migrations where name = %s"
NOTE_START = "update public.schema_migrations set running = %(count)s where name = %(name)s"
RECORD_STEP = """
update public.schema_migrations
   set statements = %(count)s, sha256 = %(ran)s, running = null
 where name = %(name)s
"""
RECORD_WHOLE = """
update public.schema_migrations
   set statements = null, running = null, sha256 = %(sha256)s, text_sha256 = %(text_sha256)s, text = %(text)s,
       execution_ms = extract(epoch from clock_timestamp() - applied_at) * 1000, applied_at = now()
 where name = %(name)s
"""
ADOPT = """
insert into public.schema_migrations
       (name, sha256, text_sha256, service, applied_by, tool_version, text, why)
values (%(name)s, %(sha256)s, %(text_sha256)s, %(service)s, session_user, %(tool)s, %(text)s, %(why)s)
on conflict (name) do nothing
"""


class Begun(msgspec.Struct, frozen=True):
    """`statements` ran; `running` began, and nobody noted its end; `text` is the file as it was then."""

    statements: int
    running: int | None
    text: str


def whole_and_commit(connection: Connection, migration: Migration, *, tool: str, transaction: str) -> None:
    """Note a file as applied, and commit. Raises `NotNullViolation` in any other transaction than its own."""
    values = {"tool": tool, "transaction": transaction, **values_of(migration)}
    with ClientCursor(connection) as cursor:
        cursor.execute(RECORD_AND_COMMIT, values)


def begin_steps(connection: Connection, migration: Migration, *, tool: str, ran: str) -> Begun:
    """Note that a file without a transaction has begun, and say how far earlier runs came."""
    connection.execute(BEGIN_STEPS, {"tool": tool, "ran": ran, **values_of(migration)})
    row = connection.execute(BEGUN, (migration.name,)).fetchone()
    return Begun(row[0] or 0, row[1], row[2] or migration.text) if row else Begun(0, None, migration.text)


def note_start(connection: Connection, name: str, *, count: int) -> None:
    """Note that statement `count` is about to begin outside a transaction."""
    connection.execute(NOTE_START, {"name": name, "count": count})


def step(connection: Connection, name: str, *, count: int, ran: str) -> None:
    """Note that the first `count` statements ran, whose hash is `ran`."""
    connection.execute(RECORD_STEP, {"name": name, "count": count, "ran": ran})


def whole(connection: Connection, migration: Migration) -> None:
    """Note that the last statement ran."""
    connection.execute(RECORD_WHOLE, values_of(migration))


def adopt(connection: Connection, migration: Migration, *, tool: str, why: str) -> bool:
    """Note a file as applied without running it; whether it was not there yet."""
    return connection.execute(ADOPT, {"tool": tool, "why": why, **values_of(migration)}).rowcount == 1


def values_of(migration: Migration) -> dict[str, str]:
    """What the ledger keeps of a file."""
    return {
        "name": migration.name,
        "service": migration.service,
        "sha256": migration.sha256,
        "text_sha256": migration.text_sha256,
        "text": migration.text,
    }
