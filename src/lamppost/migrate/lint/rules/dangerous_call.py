"""A function that reaches beyond the tables."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Call, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "dangerous-call"
SEVERITY: Severity = "block"
WHEN = "a function is called that ends sessions, frees locks, sleeps, or reads the server's files"
HARM = "other sessions are cut off, the migrator loses its lock, or the deploy stands still"
INSTEAD = "leave it out of the migration"

ON = (Call,)

_CALLS = {
    "pg_terminate_backend": "ends other sessions",
    "pg_cancel_backend": "stops other sessions' queries",
    "pg_sleep": "holds the deploy and its locks",
    "pg_sleep_for": "holds the deploy and its locks",
    "pg_sleep_until": "holds the deploy and its locks",
    "pg_advisory_unlock_all": "frees the lock that keeps a second migrator away",
    "pg_advisory_unlock": "may free the lock that keeps a second migrator away",
    "pg_advisory_lock": "keeps a lock after the file has ended",
    "pg_advisory_lock_shared": "keeps a lock after the file has ended",
    "pg_reload_conf": "changes the whole server",
    "pg_rotate_logfile": "changes the whole server",
    "pg_switch_wal": "changes the whole server",
    "pg_promote": "changes the whole server",
    "pg_read_file": "reads the server's files",
    "pg_read_binary_file": "reads the server's files",
    "pg_ls_dir": "reads the server's files",
    "pg_file_write": "writes the server's files",
    "lo_import": "reads the server's files",
    "lo_export": "writes the server's files",
    "dblink": "reaches into another database",
    "dblink_exec": "reaches into another database",
    "dblink_connect": "reaches into another database",
    "pg_stat_reset": "throws away what autovacuum counts by",
    "pg_drop_replication_slot": "cuts a replica off",
}


def check(what: Call, at: State) -> Iterator[Found]:
    """Inside a function that is only made, not called, it is the function's own business."""
    if why := _CALLS.get(what.function.name):
        yield Found(f"{what.function.name}() {why}")
