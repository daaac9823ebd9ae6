"""A fixed set of connections to `lamppost_local`, and patience while PostgreSQL restarts."""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow, tuple_row

from lamppost.errors import OperatorError

FIRST_WAIT = 0.05
LONGEST_WAIT = 1.0

Row = TupleRow
Parameters = Mapping[str, Any]


class QueuesUnavailable(OperatorError):
    """PostgreSQL did not answer in time; nothing is known about the statement that was under way."""

    code = "queues_unavailable"


class Connections:
    """Runs one statement at a time on each of a few connections, every statement its own transaction.

    A statement is repeated after a lost connection, so each must be harmless when run twice.
    """

    def __init__(self, conninfo: str, *, size: int = 4, patience: float = 5.0) -> None:
        self._conninfo = make_conninfo(
            conninfo,
            application_name="lamppost-queues",
            connect_timeout=3,
            options="-c statement_timeout=10s -c lock_timeout=5s -c timezone=UTC",
        )
        self._patience = patience
        self._slots: asyncio.LifoQueue[psycopg.AsyncConnection[Row] | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._slots.put_nowait(None)
        self._size = size

    async def fetch(self, statement: str, parameters: Parameters | None = None) -> list[Row]:
        """The rows of `statement`. Raises `QueuesUnavailable` when PostgreSQL stays away for seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        pause = FIRST_WAIT
        while True:
            try:
                return await self._once(statement, parameters)
            except (psycopg.OperationalError, psycopg.InterfaceError) as lost:
                if loop.time() + pause > deadline:
                    raise QueuesUnavailable(
                        f"the queues' database does not answer ({type(lost).__name__})",
                        fix="see whether PostgreSQL runs: lamppost doctor",
                    ) from lost
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)

    async def close(self) -> None:
        """Close every connection, waiting for statements under way."""
        taken = [await self._slots.get() for _ in range(self._size)]
        for connection in taken:
            if connection is not None:
                await connection.close()
            self._slots.put_nowait(None)

    async def _once(self, statement: str, parameters: Parameters | None) -> list[Row]:
        connection = await self._slots.get()
        sound = False
        try:
            if connection is None or connection.closed:
                connection = await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, row_factory=tuple_row
                )
            # The statements are constants of queue_store.py; psycopg types that as LiteralString.
            cursor = await connection.execute(statement.encode(), parameters)
            rows = await cursor.fetchall() if cursor.description else []
            sound = True
            return rows
        finally:
            # After an error or a cancellation nobody knows what the connection still has to say.
            if not sound and connection is not None:
                await connection.close()
            self._slots.put_nowait(connection if sound else None)
