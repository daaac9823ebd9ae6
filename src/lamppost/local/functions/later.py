"""Asynchronous invocations: accepted, kept, tried three times, then handed to the failure destination.

Two retries, one and two minutes apart, as on AWS:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
An event is deleted only after its run has succeeded or its failure is on the queue, so a crash
in between repeats it: at least once, as on AWS.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import psycopg

from lamppost.declare import limits, names
from lamppost.local import tasks
from lamppost.local.functions.spec import Result
from lamppost.observe.log import Log

Invoke = Callable[[str, bytes, str], Awaitable[Result]]
Fail = Callable[[str, bytes], Awaitable[None]]

_ADD = "insert into local.events (id, function, payload) values (%s, %s, %s) on conflict do nothing"
_DUE = """
select id, function, payload, attempts
  from local.events
 where due_at <= now() and not id = any (%s)
 order by due_at
 limit 32
"""
_NEXT = "select extract(epoch from min(due_at) - now())::float8 from local.events where not id = any (%s)"
_RETRY = "update local.events set attempts = %s, due_at = now() + %s where id = %s"
_DONE = "delete from local.events where id = %s"


class Later:
    """Keeps events in `local.events` and runs them. `fail(function, record)` is their last resort."""

    def __init__(
        self,
        invoke: Invoke,
        fail: Fail,
        log: Log,
        waits: tuple[timedelta, ...] = limits.INVOKE_ASYNC_RETRY_WAITS,
    ) -> None:
        self._invoke = invoke
        self._fail = fail
        self._log = log
        self._waits = waits
        self._conninfo = ""
        self._db: psycopg.AsyncConnection | None = None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: dict[uuid.UUID, asyncio.Task[None]] = {}

    async def open(self, conninfo: str) -> None:
        """Connect to `lamppost_local` and take up what a crash left."""
        self._conninfo = conninfo
        self._db = await _connect(conninfo)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def add(self, function: str, payload: bytes) -> str:
        """Accept one event: it is kept when this returns its request id."""
        event = uuid.uuid4()
        await self._execute(_ADD, (event, function, payload))
        self._wake.set()
        return str(event)

    @property
    def busy(self) -> int:
        """Events at work."""
        return len(self._running)

    async def close(self) -> None:
        """Start no more, and wait for what is at work; the rest is taken up at the next start."""
        await tasks.end([self._task])
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._db is not None:
            await self._db.close()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause: float | None = 1.0
            with contextlib.suppress(psycopg.OperationalError):
                pause = await self._start_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def _start_due(self) -> float | None:
        """Start what is due; the seconds until the next is, or None when nothing waits."""
        for event, function, payload, attempts in await self._fetch(_DUE):
            task = asyncio.get_running_loop().create_task(self._try(event, function, payload, attempts + 1))
            self._running[event] = task
            task.add_done_callback(partial(self._ended, event))
        rows = await self._fetch(_NEXT)
        return None if rows[0][0] is None else max(0.01, float(rows[0][0]))

    def _ended(self, event: uuid.UUID, _: asyncio.Task[None]) -> None:
        self._running.pop(event, None)
        self._wake.set()

    async def _try(self, event: uuid.UUID, function: str, payload: bytes, attempt: int) -> None:
        result = await self._invoke(function, payload, str(event))
        if result.error is None:
            await self._execute(_DONE, (event,))
            return
        waits = self._waits
        if attempt <= len(waits):
            self._log.warning(
                "event.failed", function=function, attempt=attempt, again_in_s=waits[attempt - 1].seconds
            )
            await self._execute(_RETRY, (attempt, waits[attempt - 1], event))
            return
        self._log.error("event.given_up", function=function, attempts=attempt)
        await self._fail(function, record(function, str(event), payload, result, attempt))
        await self._execute(_DONE, (event,))

    async def _fetch(self, query: str) -> list[tuple[Any, ...]]:
        db = await self._connection()
        return await (await db.execute(query, (list(self._running),))).fetchall()

    async def _execute(self, query: str, arguments: tuple[Any, ...]) -> None:
        db = await self._connection()
        try:
            await db.execute(query, arguments)
        except psycopg.OperationalError:
            # The server was restarted under us: these statements may run twice, so try once more.
            await (await self._connection()).execute(query, arguments)

    async def _connection(self) -> psycopg.AsyncConnection:
        if self._db is None or self._db.broken or self._db.closed:
            self._db = await _connect(self._conninfo)
        return self._db


def record(function: str, request_id: str, payload: bytes, result: Result, attempts: int) -> bytes:
    """The invocation record a failure destination receives (AWS's shape)."""
    return msgspec.json.encode(
        {
            "version": "1.0",
            "timestamp": datetime.now(UTC),
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{names.function_arn(function)}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": _json(payload),
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": result.error,
            },
            "responsePayload": _json(result.payload),
        }
    )


def _json(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return raw.decode("utf-8", "replace")


async def _connect(conninfo: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, application_name="lamppost events"
    )
