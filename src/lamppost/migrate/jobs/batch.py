"""One batch: its rows and the checkpoint in one transaction, tried again where another try can help.

Killed anywhere, a batch is in with its checkpoint or not at all.
"""

import random
import time
from collections.abc import Callable
from typing import Literal

import msgspec
import psycopg
from psycopg.pq import TransactionStatus

from lamppost.migrate.files import Migration
from lamppost.migrate.jobs import pace, refusals, signals, state
from lamppost.migrate.jobs.events import JobEvent, Retried
from lamppost.migrate.jobs.key import Key, Stretch
from lamppost.migrate.jobs.session import Session

# Keys are kept as text: it must read back as the very same value, wherever the job goes on.
LIMITS = """
select set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),
       set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true),
       set_config('extra_float_digits', '1', true)
"""
# What another try can mend: a lock or the time limit, and two transactions in each other's way.
TOO_LONG = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
IN_THE_WAY = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
# Not supported, and syntax or rights: the statement is wrong for every row.
HOPELESS = ("0A", "42")
LONGEST_WAIT = 5.0


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a walk goes. `target` is what a batch should take, in seconds; `batch` how many rows the first has.

    `limits` are the signals' (None is off); None watches nothing. Timeouts are seconds, per batch.
    """

    target: float = 0.5
    batch: int | None = None
    limits: dict[str, float | None] | None = msgspec.field(default_factory=lambda: dict(signals.DEFAULTS))
    lock_timeout: float = 3.0
    statement_timeout: float = 60.0
    tries: int = 10


class Taken(msgspec.Struct, frozen=True):
    """A batch that is in, in how many seconds, and the job's state after it."""

    stretch: Stretch
    seconds: float
    state: state.State


class Batches:
    """The batches of one walk, in order. `size` is how many rows the next one takes."""

    def __init__(
        self,
        session: Session,
        migration: Migration,
        statement: str,
        key: Key,
        row: state.Progress,
        *,
        manner: Manner,
        report: Callable[[JobEvent], None],
        stop: Callable[[], bool],
    ) -> None:
        self.size = pace.bounded(manner.batch or row.batch_size or pace.FIRST)
        self.last = row.last_key
        self.retries = 0
        self._session, self._connection = session, session.connection
        self._migration, self._statement, self._key = migration, statement, key
        self._manner, self._report, self._stop = manner, report, stop
        self._stretch: Stretch | None = None
        # So many rows are left of a batch that one row failed in: smaller batches find out which.
        self._suspects = 0

    def limit(self) -> None:
        """Set the batch's limits for the present transaction."""
        manner = self._manner
        self._connection.execute(
            LIMITS, (f"{manner.lock_timeout * 1000:.0f}", f"{manner.statement_timeout * 1000:.0f}")
        )

    def next(self, end: str) -> Taken | Literal["end", "stopped"]:
        """The next batch of the keys up to `end`. Raises what no further try can mend."""
        attempt = 0
        while True:
            try:
                return self._once(end)
            except psycopg.Error as error:
                self._recover(error)
                if not isinstance(error, (*TOO_LONG, *IN_THE_WAY)):
                    self._narrow(error)
                    continue
                why = self._why(error)
                failed = error
            attempt += 1
            self.retries += 1
            if attempt == self._manner.tries:
                raise refusals.stuck(
                    self._migration, attempt, self._stretch, self._key.column, why
                ) from failed
            self._report(Retried(self._migration.name, attempt, why, self.size))
            if self._stop():
                return "stopped"
            longest = min(0.1 * 2**attempt, LONGEST_WAIT)
            time.sleep(longest * random.uniform(0.5, 1))

    def _once(self, end: str) -> Taken | Literal["end"]:
        """A batch in one transaction."""
        self._stretch = None
        began = time.monotonic()
        connection, session = self._connection, self._session
        session.own()
        connection.execute("begin isolation level read committed")
        self.limit()
        stretch = self._stretch = self._key.stretch(behind=self.last, end=end, rows=self.size)
        if stretch is None:
            connection.execute("rollback")
            return "end"
        with session.lookout.watching(self._migration.name):
            changed = self._key.run(self._statement, stretch)
        if connection.info.transaction_status != TransactionStatus.INTRANS:
            raise refusals.endless_transaction(self._migration)
        return self._kept(stretch, changed, began)

    def _kept(self, stretch: Stretch, changed: int, began: float) -> Taken:
        """The checkpoint, and the commit."""
        self._session.own_still(local=True)
        took = time.monotonic() - began
        # While one row is suspected, batches do not grow: they would only meet it again.
        suspects = max(0, self._suspects - stretch.rows)
        size = self.size
        if stretch.rows == size and not suspects:
            size = pace.following(size, took, self._manner.target)
        after = state.checkpoint(
            self._connection,
            self._migration.name,
            before=self.last,
            last=stretch.last,
            rows=stretch.rows,
            changed=changed,
            retries=self.retries,
            size=size,
        )
        if after is None:
            self._connection.execute("rollback")
            raise refusals.lost(self._migration.name)
        self._connection.execute("commit")
        self.last, self.size, self._suspects, self.retries = stretch.last, size, suspects, 0
        return Taken(stretch, time.monotonic() - began, after)

    def _recover(self, error: psycopg.Error) -> None:
        """Leave the broken transaction. Raises `OperatorError` where the connection is broken as well."""
        try:
            self._connection.rollback()
        except psycopg.Error as worse:
            raise refusals.broken(self._migration.name, error) from worse
        if error.sqlstate is None or self._connection.closed:
            raise refusals.broken(self._migration.name, error) from error

    def _narrow(self, error: psycopg.Error) -> None:
        """Look for the row that the statement fails at. Raises `AuthorError` once it is found."""
        stretch = self._stretch
        alone = stretch is None or stretch.rows == 1
        if alone or (error.sqlstate or "").startswith(HOPELESS):
            stretch = stretch if alone else None
            raise refusals.failing(self._migration, stretch, self._key.column, error) from error
        assert stretch is not None, "without one, no row was to blame"
        self._suspects = stretch.rows
        self.size = pace.halved(stretch.rows)

    def _why(self, error: psycopg.Error) -> str:
        if isinstance(error, TOO_LONG):
            self.size = pace.halved(min(self.size, self._stretch.rows) if self._stretch else self.size)
        said = str(error.diag.message_primary or error)
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return f"{said} ({self._session.lookout.seen})"
        return said
