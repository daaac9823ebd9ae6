"""Applying: under the lock, a transaction per file, its row in the ledger inside the same transaction.

Killed anywhere, a run leaves whole files and their rows, or nothing of a file; the next run goes on. A file
that asks for no transaction records each statement, and goes on after the last one recorded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from lamppost.migrate import ledger, lock
from lamppost.migrate.events import Event, Notice, Waiting
from lamppost.migrate.files import Bundle
from lamppost.migrate.plan import Plan, plan
from lamppost.migrate.run import TRIES, Limits, Run

APPLICATION = "lamppost migrate"


class Outcome(msgspec.Struct, frozen=True):
    """Files that went in, in order, and the newest file of each service now."""

    applied: tuple[str, ...]
    head: dict[str, str]


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
) -> Outcome:
    """Bring the database behind `conninfo` to the state of `bundle`, as `role` where one is given.

    Any number may run at once: one applies, the others wait for it, `lock_wait` seconds at most, and find
    nothing to do. Raises `AuthorError` for a refused or failing file, `OperatorError` for locks, rights and
    poolers; files applied before the failing one stay.
    """
    limits = Limits(lock_timeout, statement_timeout, tries)
    with _connected(conninfo) as connection:
        todo = _looked_at(connection, bundle, allow_late)
        if not todo.pending:
            _tell(todo, report)
            return Outcome((), todo.head)
        lock.take(connection, lock.MIGRATING, wait=lock_wait, waiting=lambda holder: report(Waiting(holder)))
        run = Run(conninfo, connection, role, limits, report)
        run.become(role)
        ledger.ensure(connection)
        # What was pending before the lock may have been applied by the one we waited for.
        todo = _looked_at(connection, bundle, allow_late)
        _tell(todo, report)
        for migration in todo.pending:
            run.apply(migration)
        head = plan(connection, bundle, allow_late=True).head
    return Outcome(tuple(migration.name for migration in todo.pending), head)


@contextmanager
def _connected(conninfo: str) -> Iterator[ledger.Connection]:
    """A connection whose death the server notices, so that a killed migrator lets go within half a second."""
    given = conninfo_to_dict(conninfo).get("options") or ""
    connection = psycopg.connect(
        conninfo,
        autocommit=True,
        application_name=APPLICATION,
        options=f"{given} -c client_connection_check_interval=500".strip(),
    )
    try:
        yield connection
    finally:
        connection.close()


def _looked_at(connection: ledger.Connection, bundle: Bundle, allow_late: bool) -> Plan:
    todo = plan(connection, bundle, allow_late=allow_late)
    todo.check()
    return todo


def _tell(todo: Plan, report: Callable[[Event], None]) -> None:
    for notice in todo.notices:
        report(Notice(notice))
