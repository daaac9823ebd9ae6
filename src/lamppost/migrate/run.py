"""One connection that has the migration lock, and how it applies a file."""

import random
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from lamppost.errors import AuthorError
from lamppost.migrate import ledger, records, refusals
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.deadline import Deadline
from lamppost.migrate.events import Applied, Blocked, Event
from lamppost.migrate.files import Migration

TRIES = 10


class Limits(msgspec.Struct, frozen=True):
    """How long a statement may wait for a lock and run, in seconds, and how often a file is tried."""

    lock: float
    statement: float
    tries: int


class Run:
    """The run of one migrator over one database. `lookout` and `deadline` are open while it lasts."""

    def __init__(
        self,
        connection: ledger.Connection,
        role: str | None,
        limits: Limits,
        report: Callable[[Event], None],
        lookout: Lookout,
        *,
        deadline: Deadline | None = None,
    ) -> None:
        self.connection = connection
        self.role = role
        self.limits = limits
        self.report = report
        self.deadline = deadline or Deadline(None, connection.cancel)
        self.tool = tool()
        self._pid = connection.info.backend_pid
        self.lookout = lookout

    def become(self, role: str | None) -> None:
        """Leave whatever a file set behind, and be the role that owns the tables."""
        self.connection.execute("reset all")
        if role is not None:
            self.connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

    def apply(self, migration: Migration) -> None:
        """Apply one file and report it."""
        began = time.monotonic()
        try:
            if migration.in_transaction:
                self.patiently(migration, lambda: self._whole(migration))
            else:
                # Loaded for the few files that ask for it: most runs hold none.
                from lamppost.migrate.steps import apply_steps

                apply_steps(self, migration)
        except AuthorError as refused:
            if self.deadline.over and isinstance(refused.__cause__, psycopg.errors.QueryCanceled):
                raise refusals.out_of_time(migration) from refused
            raise
        self.report(Applied(migration.name, round((time.monotonic() - began) * 1000)))

    def begin(self, lock_timeout: float, *, fresh: bool = True) -> str:
        """Begin a transaction as the owner, with limits; when `fresh` with nothing a file set. Its number.

        One message to the server. The transaction is open in the session that has the lock, or refused.
        """
        role = sql.SQL("set role {};").format(sql.Identifier(self.role)) if self.role else sql.SQL("")
        cursor = self.connection.execute(
            sql.SQL(
                "{reset} {role} begin;"
                " set local lock_timeout = {lock}; set local statement_timeout = {statement};"
                " select pg_backend_pid(), pg_current_xact_id()::text"
            ).format(
                reset=sql.SQL("reset all;" if fresh else ""),
                role=role,
                lock=_milliseconds(lock_timeout),
                statement=_milliseconds(self.deadline.bound(self.limits.statement)),
            )
        )
        pid, number = _last(cursor)
        if pid != self._pid:
            raise refusals.through_a_pooler()
        return str(number)

    def own(self, *, local: bool) -> None:
        """Be the owner again, should the file have become someone else."""
        if self.role is not None:
            text = "set local role {}" if local else "set role {}"
            self.connection.execute(sql.SQL(text).format(sql.Identifier(self.role)))

    def patiently(self, migration: Migration, once: Callable[[], None]) -> None:
        """Try again when a lock was not to be had: short waits let the traffic through in between."""
        pause = 0.1
        for attempt in range(1, self.limits.tries + 1):
            with self.lookout.watching(migration.name):
                try:
                    once()
                    return
                except psycopg.errors.LockNotAvailable as timeout:
                    self.connection.rollback()
                    blocked = timeout
                except BaseException:
                    self._abandon()
                    raise
            if attempt == self.limits.tries or not self.deadline.enough():
                raise refusals.stayed_locked(migration, attempt, self.lookout.seen) from blocked
            self.report(Blocked(migration.name, attempt, self.lookout.seen))
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 2, 5.0)

    def _whole(self, migration: Migration) -> None:
        """The file and its row in one transaction."""
        connection = self.connection
        number = self.begin(self.limits.lock)
        with refusals.located(migration, migration.text):
            connection.execute(migration.text.encode())
        if connection.info.transaction_status != TransactionStatus.INTRANS:
            raise refusals.ended_its_transaction(migration)
        if connection.info.parameter_status("client_encoding") != "UTF8":
            connection.execute("set local client_encoding = 'UTF8'")
        self.own(local=True)
        try:
            with refusals.at_commit(migration):
                records.whole_and_commit(connection, migration, tool=self.tool, transaction=number)
        except psycopg.errors.NotNullViolation as foreign:
            raise refusals.ended_its_transaction(migration) from foreign

    def _abandon(self) -> None:
        if not self.connection.closed:
            try:
                self.connection.rollback()
            except psycopg.Error:
                # The first error is the one to hear; a connection this broken has no transaction left.
                pass


def tool() -> str:
    """What the ledger names as the writer of a row."""
    try:
        return f"lamppost {version('lamppost')}"
    except PackageNotFoundError:
        # Run from a tree that nobody installed.
        return "lamppost"


def _milliseconds(seconds: float) -> sql.Literal:
    return sql.Literal(f"{max(1, seconds * 1000):.0f}")


def _last(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The row of the last statement of a message."""
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    if row is None:
        raise AssertionError("a select without a table has one row")
    return row
