"""Applying: under the lock, a transaction per file, its row in the ledger inside the same transaction.

Killed anywhere, a run leaves whole files and their rows, or nothing of a file; the next run goes on. A file
that asks for no transaction records each statement, and goes on after the last one recorded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

import msgspec
import psycopg

from lamppost.errors import OperatorError
from lamppost.migrate import ledger, lock, refusals
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.deadline import Deadline
from lamppost.migrate.events import Event, Failed, Notice, Waiting
from lamppost.migrate.files import Bundle, Migration
from lamppost.migrate.opening import opened
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.run import TRIES, Limits, Run


class Outcome(msgspec.Struct, frozen=True):
    """Files that went in, in order, the newest file of each service now, and the jobs left open."""

    applied: tuple[str, ...]
    head: dict[str, str]
    jobs: tuple[str, ...] = ()


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
    `deadline`: seconds after which no statement may run any more. `jobs` takes small ones along; by default
    those of tables with 10,000 rows at most. `report` may be called from another
    thread. Raises `AuthorError` for a refused or failing file, `OperatorError` for locks, rights, poolers
    and time; files applied before the failing one stay.
    """

    def looked_at(connection: ledger.Connection) -> tuple[Plan, list[Migration]]:
        return prospect(connection, bundle, allow_late=allow_late, soak=soak, jobs=jobs)

    limits = Limits(lock_timeout, statement_timeout, tries)
    with connected(conninfo) as connection, Deadline(deadline, connection.cancel) as clock:
        todo, files = looked_at(connection)
        if not files:
            _tell(todo, report)
            return Outcome((), todo.head, _names(todo.jobs))
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
                whole = False
                try:
                    if migration.job is not None:
                        _passing(jobs).run(run, migration)
                    else:
                        run.apply(migration)
                    whole = True
                finally:
                    # Ctrl-C too: whoever listens tells what is in and what is not.
                    if not whole:
                        report(_failed(connection, files, count))
        after = plan(connection, bundle, allow_late=True)
    return Outcome(_names(files), after.head, _names(after.jobs))


def prospect(
    connection: ledger.Connection,
    bundle: Bundle,
    *,
    allow_late: bool = False,
    soak: timedelta | None = None,
    jobs: Passing | None = None,
) -> tuple[Plan, list[Migration]]:
    """What `apply` would do now: the plan, and its files with the jobs it takes along, in their order.

    Reads only. Raises `AuthorError` for what it would refuse.
    """
    todo = plan(connection, bundle, allow_late=allow_late, soak=soak)
    along = [job for job in todo.jobs if _passing(jobs).small(connection, job)]
    if along:
        names = frozenset(job.name for job in along)
        todo = plan(connection, bundle, allow_late=allow_late, soak=soak, passing=names)
    todo.check()
    wanted = {migration.name for migration in (*todo.pending, *along)}
    return todo, [migration for migration in bundle.migrations if migration.name in wanted]


@contextmanager
def connected(conninfo: str) -> Iterator[ledger.Connection]:
    """A connection whose death the server notices, so that a killed migrator lets go within half a second."""
    connection = opened(conninfo)
    try:
        yield connection
    finally:
        connection.close()


def _passing(given: Passing | None) -> Passing:
    """What takes small jobs along. Loaded where there is a job: most bundles hold none."""
    if given is not None:
        return given
    from lamppost.migrate.jobs.inline import Inline

    return Inline()


def _names(files: Sequence[Migration]) -> tuple[str, ...]:
    return tuple(migration.name for migration in files)


def _failed(connection: ledger.Connection, files: Sequence[Migration], count: int) -> Failed:
    """What is known about the `count`-th file, which did not go in."""
    migration, row = files[count], None
    if not migration.in_transaction and not connection.closed:
        try:
            row = next((row for row in ledger.read(connection) if row.name == migration.name), None)
        except (psycopg.Error, OperatorError):
            # The error that brought us here is the one to hear.
            row = None
    return Failed(
        migration.name,
        migration.in_transaction,
        _names(files[:count]),
        _names(files[count + 1 :]),
        row.statements if row else None,
        row.running if row else None,
        tuple(one.name for one in files[:count] if one.phase == "contract"),
    )


def _tell(todo: Plan, report: Callable[[Event], None]) -> None:
    for notice in todo.notices:
        report(Notice(notice))
