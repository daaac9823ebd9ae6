"""Runs a file statement by statement and looks after each, inside a transaction that is rolled back.

A file that asks for no transaction is run in a database of its own; each of its statements is first
looked at in a transaction, and where the server forbids one, by a second session in its way.
"""

import time
from collections.abc import Iterator

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from lamppost.migrate.effects.kinds import MODES, Mode, stronger, waits
from lamppost.migrate.files import Migration
from lamppost.migrate.rehearse import watch
from lamppost.migrate.rehearse.pieces import Piece, pieces
from lamppost.migrate.rehearse.probe import probe
from lamppost.migrate.rehearse.seen import Failed, Seen, Traced
from lamppost.migrate.rehearse.watch import Connection, Count, Relation

# Rows that nobody wrote by hand may break these: unique, check, foreign key, exclusion.
OF_DATA = {"23505", "23514", "23503", "23P01"}


def in_transaction(connection: Connection, migration: Migration, rows: dict[str, int]) -> Traced:
    """Trace a file that runs in one transaction; nothing of it stays."""
    before = watch.relations(connection)
    found: list[Seen] = []
    connection.execute("begin")
    try:
        eye = Eye(connection, before, rows)
        for piece in pieces(migration.text):
            try:
                found.append(eye.run(piece))
            except psycopg.Error as refused:
                return Traced(tuple(found), failure(piece, refused))
            if connection.info.transaction_status != TransactionStatus.INTRANS:
                return Traced(tuple(found), _ended(piece))
    finally:
        connection.rollback()
    return Traced(tuple(found))


def one_by_one(
    connection: Connection, admin: Connection, migration: Migration, role: str | None, rows: dict[str, int]
) -> Traced:
    """Trace a file without a transaction. What it does stays: hand it a copy of the database."""
    found: list[Seen] = []
    for piece in pieces(migration.text):
        try:
            seen = _tried(connection, piece, rows)
            if seen is None:
                seen = probe(connection, admin, piece, rows)
            else:
                _become(connection, role)
                connection.execute(piece.sql.encode())
        except psycopg.Error as refused:
            return Traced(tuple(found), failure(piece, refused))
        if connection.info.transaction_status != TransactionStatus.IDLE:
            return Traced(tuple(found), _ended(piece))
        found.append(seen)
    return Traced(tuple(found))


def _tried(connection: Connection, piece: Piece, rows: dict[str, int]) -> Seen | None:
    """The statement in a transaction that is rolled back; None where it allows none."""
    connection.execute("begin")
    try:
        seen = Eye(connection, watch.relations(connection), rows).run(piece)
        return seen if connection.info.transaction_status == TransactionStatus.INTRANS else None
    except psycopg.errors.ActiveSqlTransaction:
        return None
    finally:
        connection.rollback()


def _become(connection: Connection, role: str | None) -> None:
    if role is not None:
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))


class Eye:
    """Looks after each statement of one transaction."""

    def __init__(self, connection: Connection, before: dict[int, Relation], rows: dict[str, int]) -> None:
        self._connection = connection
        self._before = before
        self._rows = rows
        self._oids = list(before)
        self._locks: dict[int, Mode] = {}
        self._files = {oid: relation.file for oid, relation in before.items()}
        self._counts: dict[int, Count] = watch.counts(connection, self._oids)

    def run(self, piece: Piece) -> Seen:
        """Run one statement and say what it did. Raises what the server raises."""
        began = time.perf_counter()
        self._connection.execute(piece.sql.encode())
        took = (time.perf_counter() - began) * 1000
        if self._connection.info.transaction_status != TransactionStatus.INTRANS:
            return Seen(line=piece.line, text=piece.text, milliseconds=took)
        pid = self._connection.info.backend_pid
        locks = watch.locks(self._connection, pid, self._oids)
        fresh = {oid: mode for oid, mode in locks.items() if self._locks.get(oid) != mode}
        self._locks = locks
        touched = list(locks)
        rewritten = dict(self._rewritten(touched))
        changed = dict(self._counted(touched))
        held = self._holder()
        return Seen(
            line=piece.line,
            text=piece.text,
            milliseconds=round(took, 1),
            locks=shown(self._before, fresh),
            # A truncated table gets a new file as well, and no row is written for that.
            rewrites=tuple(name for name, emptied in rewritten.items() if not emptied),
            emptied=tuple(name for name, emptied in rewritten.items() if emptied),
            scans=tuple((name, count.read) for name, count in changed.items() if count.read),
            changes=tuple((name, count.written) for name, count in changed.items() if count.written),
            rows={name: self._rows[name] for name in changed if name in self._rows},
            waits=waits(held[1]) if held else "nobody",
            held=held[0] if held else "",
        )

    def _rewritten(self, touched: list[int]) -> Iterator[tuple[str, bool]]:
        for oid, file in watch.files(self._connection, touched).items():
            if file != self._files.get(oid):
                self._files[oid] = file
                if self._before[oid].is_table:
                    yield self._before[oid].name, watch.is_empty(self._connection, oid)

    def _counted(self, touched: list[int]) -> Iterator[tuple[str, Count]]:
        for oid, count in watch.counts(self._connection, touched).items():
            old = self._counts.get(oid, Count())
            self._counts[oid] = count
            if self._before[oid].is_table and count != old:
                yield self._before[oid].name, Count(count.read - old.read, count.written - old.written)

    def _holder(self) -> tuple[str, Mode] | None:
        """The strongest lock of the transaction so far, and its table."""
        tables = [(self._before[oid].name, mode) for oid, mode in self._locks.items()]
        return max(tables, key=lambda one: MODES.index(one[1]), default=None)


def shown(before: dict[int, Relation], locks: dict[int, Mode]) -> tuple[tuple[str, Mode], ...]:
    """Locks by name: of tables, and of indexes where readers of the table would feel it."""
    found: dict[str, Mode] = {}
    for oid, mode in locks.items():
        if before[oid].is_table or waits(mode) != "nobody":
            found[before[oid].name] = stronger(found.get(before[oid].name, MODES[0]), mode)
    return tuple(sorted(found.items()))


def failure(piece: Piece, refused: psycopg.Error) -> Failed:
    """Where in the file the server refused, and what it said."""
    position = int(refused.diag.statement_position or 0)
    line = piece.line + piece.sql[: max(position - 1, 0)].count("\n") if position else piece.line
    table = f"{refused.diag.schema_name}.{refused.diag.table_name}" if refused.diag.table_name else ""
    code = refused.sqlstate or ""
    return Failed(line, str(refused.diag.message_primary or refused), code, table, code in OF_DATA)


def _ended(piece: Piece) -> Failed:
    return Failed(piece.line, "it ends or opens the transaction it runs in", "transaction")
