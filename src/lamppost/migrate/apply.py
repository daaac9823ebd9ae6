"""Applying: under the lock, a transaction per file, its row in the ledger inside the same transaction.

Killed anywhere, a run leaves whole files and their rows, or nothing of a file; the next run goes on. A file
that asks for no transaction records each statement, and goes on after the last one recorded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from lamppost.migrate import ledger, lock, refusals
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.deadline import Deadline
from lamppost.migrate.events import Event, Notice, Waiting
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.run import TRIES, Limits, Run

APPLICATION = "lamppost migrate"


class Outcome(msgspec.Struct, frozen=True):
    """Files that went in, in order, and the newest file of each service now."""

    applied: tuple[str, ...]
    head: dict[str, str]


class Passing(Protocol):
    """Takes along the open jobs that are too small to be worth a run of their own."""

    def small(self, connection: ledger.Connection, job: Migration) -> bool:
        """Whether it goes along; of a table that is not there yet it does. Reads only."""
        ...

    def run(self, run: Run, job: Migration) -> None:
        """Do the job in its place among the files, and record its row. It may have been begun before."""
        ...


def silent(event: Event) -> None:
    """Report to nobody."""


def apply(
    conninfo: str,
    bundle: Bundle,
    *,
    role: str | None = None,
    report: Callable[[Event], None] = silent,
    lock_wait: float = 60.0,
    lock_timeout: float = 3.0,
    statement_timeout: float = 600.0,
    tries: int = TRIES,
    allow_late: bool = False,
    soak: timedelta | None = None,
    deadline: float | None = None,
    jobs: Passing | None = None,
) -> Outcome:
    """Bring the database behind `conninfo` to the state of `bundle`, as `role` where one is given.

    Any number may run at once: one applies, the others wait for it, `lock_wait` seconds at most, and find
    nothing to do. `soak`: how long code must be live before a contract file; None enforces no phases.
    `deadline`: seconds after which no statement may run any more. `report` may be called from another
    thread. Raises `AuthorError` for a refused or failing file, `OperatorError` for locks, rights, poolers
    and time; files applied before the failing one stay.
    """

    def looked_at(connection: ledger.Connection) -> tuple[Plan, list[Migration]]:
        todo = plan(connection, bundle, allow_late=allow_late, soak=soak)
        along = [job for job in todo.jobs if jobs is not None and jobs.small(connection, job)]
        if along:
            names = frozenset(job.name for job in along)
            todo = plan(connection, bundle, allow_late=allow_late, soak=soak, passing=names)
        todo.check()
        wanted = {migration.name for migration in (*todo.pending, *along)}
        return todo, [migration for migration in bundle.migrations if migration.name in wanted]

    limits = Limits(lock_timeout, statement_timeout, tries)
    with connected(conninfo) as connection, Deadline(deadline, connection.cancel) as clock:
        todo, files = looked_at(connection)
        if not files:
            _tell(todo, report)
            return Outcome((), todo.head)
        wait = min(lock_wait, max(0.0, clock.left()))
        lock.take(connection, lock.MIGRATING, wait=wait, waiting=lambda holder: report(Waiting(holder)))
        lookout = Lookout(
            conninfo, connection.info.backend_pid, min(0.75, max(0.05, lock_timeout / 4)), report
        )
        with lookout:
            run = Run(connection, role, limits, report, lookout, deadline=clock)
            run.become(role)
            ledger.ensure(connection)
            # What was pending before the lock may have been applied by the one we waited for.
            todo, files = looked_at(connection)
            _tell(todo, report)
            for count, migration in enumerate(files):
                if not clock.enough():
                    raise refusals.no_time_left([left.name for left in files[count:]], clock.left())
                if migration.job is not None and jobs is not None:
                    jobs.run(run, migration)
                else:
                    run.apply(migration)
        head = plan(connection, bundle, allow_late=True).head
    return Outcome(tuple(migration.name for migration in files), head)


@contextmanager
def connected(conninfo: str) -> Iterator[ledger.Connection]:
    """A connection whose death the server notices, so that a killed migrator lets go within half a second."""
    given = conninfo_to_dict(conninfo).get("options") or ""
    try:
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            application_name=APPLICATION,
            options=f"{given} -c client_connection_check_interval=500".strip(),
        )
    except psycopg.OperationalError as refused:
        # PgBouncer's words, and RDS Proxy's: neither passes a session's settings on.
        if "unsupported startup parameter" in str(refused) or "RDS Proxy" in str(refused):
            raise refusals.through_a_pooler() from refused
        raise
    try:
        yield connection
    finally:
        connection.close()


def _tell(todo: Plan, report: Callable[[Event], None]) -> None:
    for notice in todo.notices:
        report(Notice(notice))
