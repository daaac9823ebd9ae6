"""The pool: the few connections of one process, lent to one thread at a time.

Our own, over psycopg's connections: psycopg_pool starts worker threads (10 ms before a first
query, and gone after a fork), and nothing in it knows of a sandbox that freezes between two
invocations. Nothing here runs in the background: connections are opened, probed and closed by
whoever borrows or returns one.
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed

from lamppost.db import connect, faults
from lamppost.db.bounds import Bounds, bounds
from lamppost.db.connect import Connection
from lamppost.db.faults import Interrupted
from lamppost.db.held import Held
from lamppost.db.slots import Slots
from lamppost.errors import OperatorError
from lamppost.observe.log import Log

# How long `interrupt` waits for the server to take a cancel, for each connection.
CANCEL_SECONDS = 1.0

Params = Sequence[Any] | Mapping[str, Any] | None

_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


class Pool:
    """At most `bounds.most` connections. Opening one is left to the first who needs it."""

    def __init__(self, limits: Bounds | None = None, log: Log | None = None) -> None:
        self.bounds = limits if limits is not None else bounds()
        self.log = log if log is not None else Log()
        self._slots: Slots[Held] = Slots(self.bounds.most)
        _pools.add(self)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in which every statement commits by itself.

        It is lent until the block ends. Raises `PoolTimeout` when none came free in time,
        `CannotConnect` when the database let none in, `Interrupted` when the work was stopped.
        """
        with self._lent() as held:
            yield held.connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection inside a transaction: committed when the block ends, rolled back when it raises.

        Raises as `connection` does. When the connection is lost during COMMIT nobody can know
        whether it was done: the effect needs a key if it must not happen twice.
        """
        with self._lent() as held, held.connection.transaction():
            yield held.connection

    def query(self, sql: LiteralString | SQL | Composed, params: Params = None) -> list[dict[str, Any]]:
        """Run one statement by itself; its rows as dictionaries, and none for a statement without rows.

        For scripts and handlers moved over from `pool.query(...)`; a function with more than
        one statement wants `transaction()`.
        """
        with self.connection() as connection:
            cursor = connection.execute(sql, params)
            if cursor.description is None:
                return []
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def warm_up(self) -> None:
        """Open a connection and ask it `select 1`. Raises `OperatorError`; the next use tries again."""
        try:
            with self.connection() as connection:
                connection.execute("select 1")
        except psycopg.Error as error:
            raise faults.why_no_connection(error) from error

    def interrupt(self) -> None:
        """Stop all SQL that runs now; for the thread that answers when another's time is up.

        Statements are cancelled and sessions ended, so that nothing uncommitted commits after
        this returns. Those who wait for a connection are turned away. The pool itself lives on.
        """
        stopped = self._slots.interrupt(Held.mark_stopped)
        for held in stopped:
            held.stop(CANCEL_SECONDS)
        if stopped:
            self.log.warning("[DB-LAYER] pool.interrupted", connections=len(stopped))

    def close(self) -> None:
        """Close what is idle now and what is lent when it comes back. Twice is once."""
        if not self._slots.closed:
            for held in self._slots.close():
                held.close()
            self.log.info("[DB-LAYER] pool.closed")

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._slots.closed

    @contextlib.contextmanager
    def _lent(self) -> Iterator[Held]:
        slots = self._slots
        held = self._borrow(slots)
        try:
            yield held
        except (psycopg.Error, OperatorError) as error:
            if held.stopped and not isinstance(error, Interrupted):
                raise Interrupted("the work was stopped; nothing uncommitted was kept") from error
            raise
        finally:
            self._return(slots, held)

    def _borrow(self, slots: Slots[Held]) -> Held:
        patience = time.monotonic() + self.bounds.wait
        era = slots.era
        self._retire(slots)
        held = slots.take(self.bounds.wait)
        if held is not None:
            if held.alive():
                return held
            self.log.info("[DB-LAYER] connection.replaced", unused_s=round(held.unused(), 1))
            slots.lose(held)
            held.close()
        return self._open(slots, era, patience - time.monotonic())

    def _open(self, slots: Slots[Held], era: int, wait: float) -> Held:
        started = time.monotonic()
        held: Held | None = None
        try:
            held = Held(connect.connect(self.bounds, self.log, wait=wait), self.bounds.age)
            if not slots.made(held, era):
                raise Interrupted("the work was stopped while its connection was opened")
        except BaseException as error:
            slots.free()
            if held is not None:
                held.close()
            if isinstance(error, OperatorError):
                self._failed(error)
            raise
        self.log.info(
            "[DB-LAYER] connection.opened", duration_ms=round((time.monotonic() - started) * 1000, 1)
        )
        return held

    def _failed(self, error: OperatorError) -> None:
        # libpq's own sentence names host and user, never a password.
        detail = str(error.__cause__).strip() if isinstance(error.__cause__, psycopg.Error) else None
        self.log.error(
            "[DB-LAYER] connection.failed", code=error.code, error=error.what, fix=error.fix, detail=detail
        )

    def _return(self, slots: Slots[Held], held: Held) -> None:
        if slots is not self._slots:
            # We are a fork's child, and the connection is the parent's.
            return
        if not held.clean():
            if not held.stopped and not held.connection.closed:
                self.log.warning(
                    "[DB-LAYER] connection.left_in_transaction",
                    fix="use transaction(), which ends what it begins; what was open is rolled back",
                )
            slots.lose(held)
            held.close()
            slots.free()
            return
        held.used()
        held.connection.row_factory = tuple_row
        if not slots.give_back(held):
            held.close()

    def _retire(self, slots: Slots[Held]) -> None:
        """Close what grew old, and what was not needed for a while. The newest stays, to be probed."""
        now = time.monotonic()
        idle = self.bounds.idle
        for held in slots.spare(lambda it, newest: now > it.expires or (not newest and it.unused() > idle)):
            held.close()

    def _forget_parent(self) -> None:
        # Closing would end the parent's sessions; letting go would warn. So the child keeps them, untouched.
        _of_parents.append(self._slots)
        self._slots = Slots(self.bounds.most)


_of_parents: list[Slots[Held]] = []
_pool: Pool | None = None
_lock = threading.Lock()


def get_pool() -> Pool:
    """The pool of this process, made at first use; it connects when it is first borrowed from."""
    global _pool
    pool = _pool
    if pool is None or pool.closed:
        with _lock:
            if _pool is None or _pool.closed:
                _pool = Pool()
                _pool.log.info("[DB-LAYER] pool.opened", most=_pool.bounds.most)
            pool = _pool
    return pool


def warm_up() -> None:
    """Open the first connection now. Raises `OperatorError`, after which the next use tries again."""
    get_pool().warm_up()


def close_pool() -> None:
    """Close this process's pool; `get_pool` makes a new one. Without a pool nothing happens."""
    if _pool is not None:
        _pool.close()


def _in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for pool in list(_pools):
        pool._forget_parent()


os.register_at_fork(after_in_child=_in_child)
