"""`public.schema_jobs`: how far each job is. It stands beside the ledger and is made the same way.

Only the session that has a job's lock moves its row on; anyone may ask it to pause. A job that is `running`
while nobody has its lock was interrupted: the next run goes on behind `last_key`.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec
import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.files import Migration
from lamppost.migrate.ledger import Connection
from lamppost.migrate.records import values_of

State = Literal["running", "paused", "failed", "done"]

CREATE = """
create table if not exists public.schema_jobs (
    name           text primary key,
    service        text not null,
    sha256         text not null,
    text_sha256    text not null,
    state          text not null check (state in ('running', 'paused', 'failed', 'done')),
    last_key       text,
    end_key        text,
    rows_done      bigint not null default 0,
    rows_changed   bigint not null default 0,
    rows_estimated bigint not null default 0,
    batches        bigint not null default 0,
    retries        bigint not null default 0,
    batch_size     integer,
    throttled_by   text,
    last_error     text,
    run_by         text not null default session_user,
    started_at     timestamptz not null default now(),
    heartbeat_at   timestamptz not null default now(),
    finished_at    timestamptz
)
"""
COLUMNS = (
    "name, service, sha256, text_sha256, state, last_key, end_key, rows_done, rows_changed, rows_estimated,"
    " batches, retries, batch_size, throttled_by, last_error, run_by, started_at, heartbeat_at, finished_at"
)
READ = f"select {COLUMNS} from public.schema_jobs order by name"
FIND = f"select {COLUMNS} from public.schema_jobs where name = %s"
# A file that was edited before its first batch counts as it reads now.
BEGIN = f"""
insert into public.schema_jobs as job (name, service, sha256, text_sha256, state)
values (%(name)s, %(service)s, %(sha256)s, %(text_sha256)s, 'running')
    on conflict (name) do update
   set sha256 = excluded.sha256, text_sha256 = excluded.text_sha256, state = 'running',
       last_error = null, throttled_by = null, run_by = session_user,
       heartbeat_at = now(), finished_at = null
 where (job.state <> 'paused' or %(resume)s)
   and (job.batches = 0 or job.text_sha256 = excluded.text_sha256)
returning {COLUMNS}
"""
AIM = """
update public.schema_jobs set end_key = %(end)s, rows_estimated = %(rows)s, heartbeat_at = now()
 where name = %(name)s
"""
# Whoever lost the job to another session meets a `last_key` that moved, and keeps nothing.
CHECKPOINT = """
update public.schema_jobs
   set last_key = %(last)s, rows_done = rows_done + %(rows)s, rows_changed = rows_changed + %(changed)s,
       batches = batches + 1, retries = retries + %(retries)s, batch_size = %(size)s,
       throttled_by = null, heartbeat_at = clock_timestamp()
 where name = %(name)s and state in ('running', 'paused') and last_key is not distinct from %(before)s
returning state
"""
BEAT = """
update public.schema_jobs set throttled_by = %(throttled_by)s, heartbeat_at = now() where name = %(name)s
returning state
"""
FAIL = """
update public.schema_jobs set state = 'failed', last_error = %(error)s, heartbeat_at = now()
 where name = %(name)s and state <> 'done'
"""
# One statement: the job is done and its file is in the ledger, or neither. DDL has its row there already.
FINISH = """
with finished as (
    update public.schema_jobs
       set state = 'done', finished_at = now(), heartbeat_at = now(), throttled_by = null
     where name = %(name)s and state in ('running', 'paused')
    returning started_at
)
insert into public.schema_migrations
       (name, sha256, text_sha256, service, execution_ms, applied_by, tool_version, text)
select %(name)s, %(sha256)s, %(text_sha256)s, %(service)s,
       least(extract(epoch from now() - started_at) * 1000, 2147483647), session_user, %(tool)s, %(text)s
  from finished
    on conflict (name) do nothing
"""
PAUSE = "update public.schema_jobs set state = 'paused' where name = %s and state in ('running', 'failed')"
UNPAUSE = "update public.schema_jobs set state = 'running' where name = %s and state = 'paused'"
FORGET = "delete from public.schema_jobs where name = %s and state <> 'done'"


class Progress(msgspec.Struct, frozen=True):
    """One row. Keys are in PostgreSQL's text form; `rows_changed` is what the statement itself counted."""

    name: str
    service: str
    sha256: str
    text_sha256: str
    state: State
    last_key: str | None
    end_key: str | None
    rows_done: int
    rows_changed: int
    rows_estimated: int
    batches: int
    retries: int
    batch_size: int | None
    throttled_by: str | None
    last_error: str | None
    run_by: str
    started_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None


def ensure(connection: Connection) -> None:
    """Make the table where it is missing. Any number may do so at once."""
    try:
        connection.execute(CREATE)
    except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
        return  # somebody else was quicker
    except psycopg.errors.InsufficientPrivilege as refused:
        raise OperatorError(
            f"public.schema_jobs cannot be made: {str(refused).strip()}",
            fix="run the provisioning first, or make the migrator role the database's owner",
            code="ledger_rights",
        ) from refused


def read(connection: Connection) -> dict[str, Progress]:
    """Every job that was ever begun, by name; none where there is no table yet."""
    try:
        return {row[0]: Progress(*row) for row in connection.execute(READ).fetchall()}
    except psycopg.errors.UndefinedTable:
        return {}


def begin(connection: Connection, migration: Migration, *, resume: bool) -> Progress | None:
    """Take the job up. None where it is paused (and `resume` is not said), or its file was edited since."""
    values = {
        "name": migration.name,
        "service": migration.service,
        "sha256": migration.sha256,
        "text_sha256": migration.text_sha256,
        "resume": resume,
    }
    return _one(connection.execute(BEGIN, values).fetchone())


def find(connection: Connection, name: str) -> Progress | None:
    """The job of this name, if it was ever begun."""
    return _one(connection.execute(FIND, (name,)).fetchone())


def aim(connection: Connection, name: str, *, end: str | None, rows: int) -> None:
    """Note how far the walk goes: to the key `end`, about `rows` rows."""
    connection.execute(AIM, {"name": name, "end": end, "rows": rows})


def checkpoint(
    connection: Connection,
    name: str,
    *,
    before: str | None,
    last: str,
    rows: int,
    changed: int,
    retries: int,
    size: int,
) -> State | None:
    """Note a batch inside its own transaction: the state now, None where the job is no longer ours."""
    values = {
        "name": name,
        "before": before,
        "last": last,
        "rows": rows,
        "changed": changed,
        "retries": retries,
        "size": size,
    }
    row = connection.execute(CHECKPOINT, values).fetchone()
    return row[0] if row else None


def beat(connection: Connection, name: str, throttled_by: str | None) -> State | None:
    """Show that the runner lives, and what it waits for; the state now."""
    row = connection.execute(BEAT, {"name": name, "throttled_by": throttled_by}).fetchone()
    return row[0] if row else None


def fail(connection: Connection, name: str, error: str) -> None:
    """Note why the job stopped."""
    connection.execute(FAIL, {"name": name, "error": error})


def finish(connection: Connection, migration: Migration, *, tool: str) -> None:
    """Note that nothing is left to do, here and in the ledger."""
    connection.execute(FINISH, {"tool": tool, **values_of(migration)})


def pause(connection: Connection, name: str) -> bool:
    """Ask the runner to stop behind its present batch, and the next ones not to begin."""
    return connection.execute(PAUSE, (name,)).rowcount == 1


def unpause(connection: Connection, name: str) -> bool:
    """Let the next runner take the job up; until then it counts as interrupted."""
    return connection.execute(UNPAUSE, (name,)).rowcount == 1


def forget(connection: Connection, name: str) -> bool:
    """Drop the progress: the next run begins at the first key. Call it with the job's lock only."""
    return connection.execute(FORGET, (name,)).rowcount == 1


def _one(row: tuple[Any, ...] | None) -> Progress | None:
    return Progress(*row) if row else None
