"""Looks at what one backend does to tables: locks it holds, rows it read and wrote, files it replaced."""

from typing import Any

import msgspec
import psycopg

from lamppost.migrate.effects.kinds import MODES, Mode, stronger

Connection = psycopg.Connection[tuple[Any, ...]]

RELATIONS = """
select pg_class.oid, pg_namespace.nspname || '.' || pg_class.relname, pg_class.relkind::text,
       pg_class.relfilenode
  from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
 where pg_class.relkind in ('r', 'p', 'm', 'v', 'f', 'i', 'I')
   and pg_namespace.nspname not in ('pg_catalog', 'information_schema') and pg_namespace.nspname !~ '^pg_'
"""
HELD = """
select relation, mode
  from pg_locks
 where pid = %s and locktype = 'relation' and granted = any(%s) and relation = any(%s)
"""
WAITS = "select exists (select from pg_locks where pid = %s and locktype = 'relation' and not granted)"
FILES = "select oid, relfilenode from pg_class where oid = any(%s)"
SIZE = "select pg_relation_size(%s::oid)"
# Inside the transaction, of this backend alone.
COUNTS = """
select oid, pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid),
       pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid)
           + pg_stat_get_xact_tuples_deleted(oid)
  from unnest(%s::oid[]) as oid
"""
# After the commit, of everybody; on this server there is nobody else.
TOTALS = """
select oid, pg_stat_get_tuples_returned(oid) + pg_stat_get_tuples_fetched(oid),
       pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)
  from unnest(%s::oid[]) as oid
"""


class Relation(msgspec.Struct, frozen=True):
    """A table, view or index; `file` changes when it is written anew."""

    name: str
    kind: str
    file: int

    @property
    def is_table(self) -> bool:
        """Whether it is something a query reads, not an index."""
        return self.kind not in {"i", "I"}


class Count(msgspec.Struct, frozen=True):
    """Rows read and written so far."""

    read: int = 0
    written: int = 0


def relations(connection: Connection) -> dict[int, Relation]:
    """All tables, views and indexes of services, by OID."""
    return {row[0]: Relation(*row[1:]) for row in connection.execute(RELATIONS).fetchall()}


def locks(connection: Connection, pid: int, among: list[int], *, waiting: bool = False) -> dict[int, Mode]:
    """The strongest mode this backend holds (or also waits for) of each relation."""
    states = [True, False] if waiting else [True]
    found: dict[int, Mode] = {}
    for relation, mode in connection.execute(HELD, (pid, states, among)).fetchall():
        found[relation] = stronger(found.get(relation, MODES[0]), spelled(mode))
    return found


def is_waiting(connection: Connection, pid: int) -> bool:
    """Whether this backend waits for a lock on a relation."""
    row = connection.execute(WAITS, (pid,)).fetchone()
    return row is not None and bool(row[0])


def is_empty(connection: Connection, oid: int) -> bool:
    """Whether nothing at all is stored of this relation."""
    row = connection.execute(SIZE, (oid,)).fetchone()
    return row is not None and row[0] == 0


def files(connection: Connection, among: list[int]) -> dict[int, int]:
    """The file of each relation that still exists."""
    return dict(connection.execute(FILES, (among,)).fetchall())


def counts(connection: Connection, among: list[int], *, committed: bool = False) -> dict[int, Count]:
    """Rows read and written of each relation, by this transaction or by all before."""
    rows = connection.execute(TOTALS if committed else COUNTS, (among,)).fetchall()
    return {oid: Count(int(read), int(written)) for oid, read, written in rows}


def spelled(mode: str) -> Mode:
    """`AccessExclusiveLock` as one writes it in SQL."""
    words = "".join(f" {char}" if char.isupper() else char for char in mode.removesuffix("Lock"))
    return MODES[MODES.index(words.strip().upper())]
