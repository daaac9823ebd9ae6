"""Watches a statement that allows no transaction: a second session holds the tables until it has to wait.

`create index concurrently` holds its locks too briefly to be seen by looking often. While somebody else holds
SHARE UPDATE EXCLUSIVE, its request stands in pg_locks, not granted, and says the mode; then it may go on.
"""

import threading
import time

import psycopg
from psycopg import sql

from lamppost.migrate.effects.kinds import MODES, Mode, stronger, waits
from lamppost.migrate.rehearse import watch
from lamppost.migrate.rehearse.pieces import Piece
from lamppost.migrate.rehearse.seen import Seen
from lamppost.migrate.rehearse.watch import Connection, Count, Relation

POLL = 0.002
# More tables than one transaction can lock here.
MOST = 4000
FLUSH = "select pg_stat_force_next_flush()"


def probe(connection: Connection, admin: Connection, piece: Piece, rows: dict[str, int]) -> Seen:
    """Run `piece` on `connection` outside a transaction while `admin` looks. Raises what the server does."""
    before = watch.relations(admin)
    oids = list(before)
    connection.execute(FLUSH)
    counted = watch.counts(admin, oids, committed=True)
    runner = _Runner(connection, piece.sql)
    with admin.transaction(force_rollback=True):
        _hold(admin, [relation.name for relation in before.values() if relation.kind in {"r", "p"}][:MOST])
        runner.start()
        asked = _asked(admin, runner, oids)
    began = time.perf_counter()
    while not runner.over.wait(POLL):
        _add(asked, watch.locks(admin, connection.info.backend_pid, oids, waiting=True))
    took = (time.perf_counter() - began) * 1000
    runner.result()
    connection.execute(FLUSH)
    files = watch.files(admin, oids)
    after = watch.counts(admin, oids, committed=True)
    grown = _grown(before, counted, after)
    strongest = max(asked.items(), key=lambda one: MODES.index(one[1]), default=None)
    return Seen(
        line=piece.line,
        text=piece.text,
        milliseconds=round(took, 1),
        how="second session",
        locks=tuple(
            sorted((before[oid].name, mode) for oid, mode in asked.items() if _felt(before[oid], mode))
        ),
        rewrites=tuple(
            relation.name
            for oid, relation in before.items()
            if relation.is_table and oid in files and files[oid] != relation.file
        ),
        scans=tuple((name, count.read) for name, count in grown.items() if count.read),
        changes=tuple((name, count.written) for name, count in grown.items() if count.written),
        rows={name: rows[name] for name in grown if name in rows},
        waits=waits(strongest[1]) if strongest else "nobody",
        held=before[strongest[0]].name if strongest else "",
    )


class _Runner:
    """The statement in a thread, so that somebody can look meanwhile."""

    def __init__(self, connection: Connection, statement: str) -> None:
        self.pid = connection.info.backend_pid
        self.over = threading.Event()
        self._connection = connection
        self._statement = statement
        self._refused: psycopg.Error | None = None
        self._thread = threading.Thread(target=self._run, name="rehearsed-statement", daemon=True)

    def start(self) -> None:
        """Send it."""
        self._thread.start()

    def result(self) -> None:
        """Wait for its end, and raise what the server raised."""
        self._thread.join()
        if self._refused is not None:
            raise self._refused

    def _run(self) -> None:
        try:
            self._connection.execute(self._statement.encode())
        except psycopg.Error as refused:
            self._refused = refused
        finally:
            self.over.set()


def _hold(admin: Connection, names: list[str]) -> None:
    if names:
        tables = sql.SQL(", ").join(sql.Identifier(*name.split(".", 1)) for name in names)
        admin.execute(sql.SQL("lock table {} in share update exclusive mode").format(tables))


def _asked(admin: Connection, runner: _Runner, oids: list[int]) -> dict[int, Mode]:
    """What it holds and asks for when it has to wait for us; all that was seen, if it never has to."""
    found: dict[int, Mode] = {}
    while not runner.over.wait(POLL):
        waiting = watch.is_waiting(admin, runner.pid)
        _add(found, watch.locks(admin, runner.pid, oids, waiting=True))
        if waiting:
            break
    return found


def _add(found: dict[int, Mode], more: dict[int, Mode]) -> None:
    for oid, mode in more.items():
        found[oid] = stronger(found.get(oid, MODES[0]), mode)


def _felt(relation: Relation, mode: Mode) -> bool:
    return relation.is_table or waits(mode) != "nobody"


def _grown(before: dict[int, Relation], old: dict[int, Count], new: dict[int, Count]) -> dict[str, Count]:
    found: dict[str, Count] = {}
    for oid, count in new.items():
        was = old.get(oid, Count())
        if before[oid].is_table and count != was:
            found[before[oid].name] = Count(count.read - was.read, count.written - was.written)
    return found
