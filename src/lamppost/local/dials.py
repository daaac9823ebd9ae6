"""One database's clock: the row that `lamppost.now()` reads, and the connection that turns it."""

import asyncio
from datetime import timedelta

import psycopg

from lamppost.errors import OperatorError

_READ = "select shift from lamppost.clock"
_SET = """
merge into lamppost.clock as clock
using (values (%(shift)s::interval)) as wanted (shift) on true
 when matched then update set shift = wanted.shift
 when not matched then insert (shift) values (wanted.shift)
"""
# While PostgreSQL is started again: together a little longer than that takes.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


class Dial:
    """The clock of the database behind `conninfo`. It connects when needed, and again after a loss."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._db: psycopg.AsyncConnection | None = None

    async def read(self) -> timedelta:
        """How far it is from the wall's time."""
        row = await (await self._execute(_READ, None)).fetchone()
        return row[0] if row else timedelta(0)

    async def turn(self, shift: timedelta) -> None:
        """Set it. Raises `OperatorError` when the database stays away for seconds."""
        await self._execute(_SET, {"shift": shift})

    async def close(self) -> None:
        """Let go of the database."""
        if self._db is not None:
            await self._db.close()

    async def _execute(
        self, statement: str, values: dict[str, timedelta] | None
    ) -> psycopg.AsyncCursor[tuple[timedelta]]:
        for pause in _PAUSES:
            try:
                return await self._once(statement, values)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                # Both statements are harmless when run twice.
                await asyncio.sleep(pause)
        try:
            return await self._once(statement, values)
        except (psycopg.OperationalError, psycopg.InterfaceError) as away:
            raise OperatorError(
                f"the clock's database does not answer ({type(away).__name__})",
                fix="see whether PostgreSQL runs: lamppost status",
                code="clock_unavailable",
            ) from away

    async def _once(
        self, statement: str, values: dict[str, timedelta] | None
    ) -> psycopg.AsyncCursor[tuple[timedelta]]:
        if self._db is None or self._db.closed:
            self._db = await psycopg.AsyncConnection.connect(
                self._conninfo, autocommit=True, application_name="lamppost clock", connect_timeout=3
            )
            # The clock of a test system is not worth a disk flush 35,000 times a year.
            await self._db.execute("set synchronous_commit = off")
        return await self._db.execute(statement.encode(), values)
