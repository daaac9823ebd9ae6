"""The session a job runs in: whose it is, what it may be, and the lock that says nobody else runs the job."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from lamppost.errors import OperatorError
from lamppost.migrate import lock
from lamppost.migrate.blocker import Lookout
from lamppost.migrate.jobs import refusals
from lamppost.migrate.ledger import Connection
from lamppost.migrate.opening import opened

APPLICATION = "lamppost migrate job"
# Numbers of the product's own locks are small; those of jobs have this bit.
_JOBS = 1 << 30
HOLDERS = """
select objid::bigint, pid
  from pg_locks
 where locktype = 'advisory' and granted and classid = %s and objsubid = 2
   and database = (select oid from pg_database where datname = current_database())
"""


class Session:
    """A connection in autocommit that is the owner of the tables, and a lookout for who is in its way."""

    def __init__(self, connection: Connection, role: str | None, tool: str, lookout: Lookout) -> None:
        self.connection = connection
        self.role = role
        self.tool = tool
        self.lookout = lookout

    def own(self) -> None:
        """Be the owner, with nothing set that a statement left behind."""
        self.connection.execute("reset all")
        self.own_still()

    def own_still(self, *, local: bool = False) -> None:
        """Be the owner again, should what ran have become someone else."""
        if self.role is not None:
            text = "set local role {}" if local else "set role {}"
            self.connection.execute(sql.SQL(text).format(sql.Identifier(self.role)))

    def disown(self) -> None:
        """Be the role that logged in: it may see more of what goes on."""
        self.connection.execute("reset role")


@contextmanager
def connected(conninfo: str) -> Iterator[Connection]:
    """A connection whose death the server notices, so that a killed runner lets go within half a second."""
    try:
        connection = opened(conninfo, application=APPLICATION)
    except psycopg.OperationalError as refused:
        raise OperatorError(
            f"the database cannot be reached: {str(refused).strip()}",
            fix="see that the server runs and that the URL and its password are right",
            code="migration_connection",
        ) from refused
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def locked(connection: Connection, name: str, *, wait: float) -> Iterator[None]:
    """Hold the job's lock inside the block. Raises `OperatorError` naming who has it after `wait` seconds."""
    try:
        lock.take(connection, number(name), wait=wait, waiting=_in_silence)
    except OperatorError as refused:
        if refused.code != "migration_locked":
            raise
        row = connection.execute(lock.HOLDER, (lock.PRODUCT, number(name))).fetchone()
        raise refusals.running(name, f"pid {row[0]} ({row[1]}) since {row[2]}" if row else "") from refused
    try:
        yield
    finally:
        if not connection.closed:
            try:
                connection.rollback()
                connection.execute("select pg_advisory_unlock(%s, %s)", (lock.PRODUCT, number(name)))
            except psycopg.Error:
                # The lock goes with the connection; what broke it is the error to hear.
                pass


def number(name: str) -> int:
    """The job's half of its lock."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % _JOBS | _JOBS


def holders(connection: Connection) -> dict[int, int]:
    """Which jobs run now: the number of each lock, and the pid that has it."""
    return dict(connection.execute(HOLDERS, (lock.PRODUCT,)).fetchall())


def _in_silence(holder: str) -> None:
    """A few seconds at most: no word about it."""
