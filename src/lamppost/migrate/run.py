"""One connection that has the migration lock, and how it applies a file."""

import random
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import msgspec
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from lamppost.migrate import indexes, ledger, refusals
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.events import Applied, Blocked, Event
from lamppost.migrate.files import Migration, hash_of
from lamppost.migrate.statements import split

TRIES = 10
# An index built beside the traffic waits for every older transaction; that is its nature, not an obstacle.
PATIENCE = 20


class Limits(msgspec.Struct, frozen=True):
    """How long a statement may wait for a lock and run, in seconds, and how often a file is tried."""

    lock: float
    statement: float
    tries: int


class Run:
    """The run of one migrator over one database."""

    def __init__(
        self,
        conninfo: str,
        connection: ledger.Connection,
        role: str | None,
        limits: Limits,
        report: Callable[[Event], None],
    ) -> None:
        self.conninfo = conninfo
        self.connection = connection
        self.role = role
        self.limits = limits
        self.report = report
        self.tool = _tool()

    def become(self, role: str | None) -> None:
        """Leave whatever a file set behind, and be the role that owns the tables."""
        self.connection.execute("reset all")
        if role is not None:
            self.connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))

    def apply(self, migration: Migration) -> None:
        """Apply one file and report it."""
        began = time.monotonic()
        if migration.in_transaction:
            self._patiently(migration, self.limits.lock, lambda: self._whole(migration))
        else:
            self._steps(migration)
        self.report(Applied(migration.name, round((time.monotonic() - began) * 1000)))

    def _whole(self, migration: Migration) -> None:
        """The file and its row in one transaction."""
        connection = self.connection
        self.become(self.role)
        connection.execute("begin")
        self._limit(self.limits.lock, local=True)
        row = connection.execute("select pg_current_xact_id()::text").fetchone()
        with refusals.located(migration, migration.text):
            connection.execute(migration.text.encode())
        if connection.info.transaction_status != TransactionStatus.INTRANS:
            raise refusals.ended_its_transaction(migration)
        self._own(local=True)
        if row is None or not ledger.record(connection, migration, tool=self.tool, transaction=str(row[0])):
            raise refusals.ended_its_transaction(migration)
        connection.execute("commit")

    def _steps(self, migration: Migration) -> None:
        """The file statement by statement, each recorded after it ran."""
        statements = split(migration.text)
        self.become(self.role)
        ledger.begin_steps(self.connection, migration, tool=self.tool, ran=hash_of(()))
        done = ledger.steps_done(self.connection, migration.name)
        for count, statement in enumerate(statements[done:], start=done + 1):
            resumed = count == done + 1
            self._step(migration, statement, resumed=resumed)
            self._own(local=False)
            ran = hash_of(statements[:count])
            ledger.record_step(self.connection, migration.name, count=count, ran=ran)
        ledger.record_whole(self.connection, migration)

    def _step(self, migration: Migration, statement: str, *, resumed: bool) -> None:
        build = indexes.built_by(statement)
        lock_timeout = self.limits.lock * (PATIENCE if build else 1)

        def once() -> None:
            self._limit(lock_timeout, local=False)
            if build is not None:
                standing = indexes.is_valid(self.connection, build)
                if standing and resumed:
                    # It was built; only the note of it was lost with the process.
                    return
                if standing is False:
                    indexes.drop(self.connection, build)
            with refusals.located(migration, statement):
                self.connection.execute(statement.encode())
            if self.connection.info.transaction_status != TransactionStatus.IDLE:
                raise refusals.opened_a_transaction(migration)

        self._patiently(migration, lock_timeout, once)

    def _patiently(self, migration: Migration, lock_timeout: float, once: Callable[[], None]) -> None:
        """Try again when a lock was not to be had: short waits let the traffic through in between."""
        pause = 0.1
        for attempt in range(1, self.limits.tries + 1):
            pid = self.connection.info.backend_pid
            with Lookout(self.conninfo, pid, max(0.05, lock_timeout / 4)) as lookout:
                try:
                    once()
                    return
                except psycopg.errors.LockNotAvailable as timeout:
                    self.connection.rollback()
                    blocked = timeout
                except BaseException:
                    self._abandon()
                    raise
            if attempt == self.limits.tries:
                raise refusals.stayed_locked(migration, attempt, lookout.seen) from blocked
            self.report(Blocked(migration.name, attempt, lookout.seen))
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, 5.0)

    def _abandon(self) -> None:
        if not self.connection.closed:
            try:
                self.connection.rollback()
            except psycopg.Error:
                # The first error is the one to hear; a connection this broken has no transaction left.
                pass

    def _own(self, *, local: bool) -> None:
        """Be the owner again, should the file have become someone else."""
        if self.role is not None:
            text = "set local role {}" if local else "set role {}"
            self.connection.execute(sql.SQL(text).format(sql.Identifier(self.role)))

    def _limit(self, lock_timeout: float, *, local: bool) -> None:
        self.connection.execute(
            "select set_config('lock_timeout', %s, %s), set_config('statement_timeout', %s, %s)",
            (f"{lock_timeout * 1000:.0f}", local, f"{self.limits.statement * 1000:.0f}", local),
        )


def _tool() -> str:
    try:
        return f"lamppost {version('lamppost')}"
    except PackageNotFoundError:
        # Run from a tree that nobody installed.
        return "lamppost"
