"""One migrator at a time: an advisory lock that is asked for again and again, never waited for.

A session that waits inside `pg_advisory_lock` holds a snapshot, and `create index concurrently` waits for
that snapshot: a deadlock. The lock belongs to the connection; closing it, or dying, lets go.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate.refusals import through_a_pooler

# The first half is the product's, the second says what is locked.
PRODUCT = 424242
MIGRATING = 1
PROVISIONING = 2

# Seconds between two tries: most holders are done in milliseconds, some in minutes.
POLLS = (0.002, 0.05)
HOLDER = """
select pg_locks.pid, coalesce(nullif(activity.application_name, ''), 'unnamed'),
       coalesce(date_trunc('second', activity.backend_start)::text, 'unknown')
  from pg_locks
  left join pg_stat_activity as activity using (pid)
 where pg_locks.locktype = 'advisory' and pg_locks.granted
   and pg_locks.database = (select oid from pg_database where datname = current_database())
   and pg_locks.classid = %s and pg_locks.objid = %s and pg_locks.objsubid = 2
"""


def take(
    connection: psycopg.Connection[Any], what: int, *, wait: float, waiting: Callable[[str], None]
) -> None:
    """Take the lock `what` of this database within `wait` seconds; `waiting` hears once who has it.

    Raises `OperatorError` naming the holder, or a pooler that would give the lock to somebody else.
    """
    _refuse_pooler(connection)
    deadline = time.monotonic() + wait
    told, pause = False, POLLS[0]
    while not _try(connection, what):
        holder = _holder(connection, what)
        if time.monotonic() >= deadline:
            raise OperatorError(
                f"another migrator has the lock of database {connection.info.dbname!r}"
                f" and kept it for {wait:.0f} s: {holder or 'it just let go'}",
                fix="let it finish and run this again; if it hangs, end it with pg_terminate_backend(pid)",
                code="migration_locked",
            )
        if holder and not told:
            waiting(holder)
            told = True
        time.sleep(pause)
        pause = min(pause * 1.5, POLLS[1])


def _refuse_pooler(connection: psycopg.Connection[Any]) -> None:
    """Raise `OperatorError` when this connection has no session of its own. Asked before any lock is."""
    row = connection.execute("select pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        raise through_a_pooler()


def _try(connection: psycopg.Connection[Any], what: int) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s, %s)", (PRODUCT, what)).fetchone()
    return row is not None and bool(row[0])


def _holder(connection: psycopg.Connection[Any], what: int) -> str:
    row = connection.execute(HOLDER, (PRODUCT, what)).fetchone()
    return f"pid {row[0]} ({row[1]}), connected since {row[2]}" if row else ""
