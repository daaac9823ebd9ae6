"""Runs a case of the linter's corpus on a real server, and says what its users would have felt."""

from collections.abc import Iterator
from typing import Any, Literal

import psycopg
from pglast.parser import split

Felt = Literal["fails", "waits", "free"]
# Fewer rows than the large tables of the schema hold, more than the small ones.
MANY = 10_000
STRONG = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")

# Only what multiplies tables with each other takes more than a second here.
_QUIET = """
set local statement_timeout = '5s';
set local max_parallel_workers_per_gather = 0;
set local max_parallel_maintenance_workers = 0;
set local client_min_messages = error"""
_FILES = """
select c.oid, pg_relation_filenode(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('shop', 'people') and c.relkind in ('r', 'i', 'm')"""
_ROWS = """
select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0), coalesce(sum(n_tup_upd + n_tup_del), 0),
       coalesce(sum(n_tup_ins), 0)
  from pg_stat_xact_user_tables where relid = any (%s)"""
# EXCLUSIVE on a materialized view lets its readers go on, and nobody else writes it.
_HELD = """
select count(*) from pg_locks l join pg_class c on c.oid = l.relation
 where l.pid = pg_backend_pid() and l.granted and l.relation = any (%s) and l.mode = any (%s)
   and not (c.relkind in ('m', 'i') and l.mode = 'ExclusiveLock') and c.relkind <> 'S'"""
# Tables that were not there: what a copy filled.
_MADE = """
select coalesce(sum(n_tup_ins), 0) from pg_stat_xact_user_tables where not relid = any (%s)"""


def felt(connection: "psycopg.Connection[Any]", sql: str) -> Felt:
    """Run `sql` as one transaction, and take it back.

    "fails": the server refuses a statement. "waits": a table that was there is read, changed or written
    anew at length while a lock on one makes writers or readers wait; or very many rows are written.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_QUIET)
            connection.execute("deallocate all")
            return "waits" if any(_long(connection, sql)) else "free"
    except psycopg.Error:
        return "fails"


def _long(connection: "psycopg.Connection[Any]", sql: str) -> Iterator[bool]:
    files = dict(connection.execute(_FILES).fetchall())
    old = list(files)
    before = connection.execute(_ROWS, [old]).fetchone() or (0, 0, 0)
    for statement in split(sql):
        connection.execute(statement.encode())
        held = connection.execute(_HELD, [old, list(STRONG)]).fetchone() or (0,)
        now = dict(connection.execute(_FILES).fetchall())
        rewritten = any(now.get(oid, file) != file for oid, file in files.items())
        after = connection.execute(_ROWS, [old]).fetchone() or (0, 0, 0)
        made = connection.execute(_MADE, [old]).fetchone() or (0,)
        read, changed, inserted = (b - a for a, b in zip(before, after, strict=True))
        yield rewritten or changed >= MANY or inserted + made[0] >= MANY or (held[0] > 0 and read >= MANY)
        before, files = after, {oid: now[oid] for oid in files if oid in now}
