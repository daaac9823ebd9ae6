"""A connection that has the migration lock and is the tables' owner, with a ledger that stands."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from lamppost.migrate import ledger, lock
from lamppost.migrate.apply import connected

WAIT = 60.0


@contextmanager
def held(conninfo: str, role: str | None) -> Iterator[ledger.Connection]:
    """Nobody applies anything while this block runs. Raises `OperatorError` for the lock, rights, poolers."""
    with connected(conninfo) as connection:
        lock.take(connection, lock.MIGRATING, wait=WAIT, waiting=_in_silence)
        if role is not None:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        ledger.ensure(connection)
        yield connection


def _in_silence(holder: str) -> None:
    """Who stays in the way is named by the error."""
