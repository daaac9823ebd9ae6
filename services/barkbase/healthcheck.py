"""Whether the database answers, asked by a person or a monitor: `aws lambda invoke … db-healthcheck`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from lamppost import Context, OperatorError, seconds
from lamppost.db import get_pool
from lamppost.db.faults import unavailable

# A healthy database answers in milliseconds. Whoever asks would rather hear "no" than wait.
PATIENCE = seconds(8)
# What is left to say so, when the function itself has less time than that.
MARGIN = seconds(3)


def check(_event: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """200 with the server's time, or 500 with a word for what is wrong. Any event will do.

    The answer has API Gateway's shape, its `body` JSON in a string. It names no host and no user:
    those are in the log.
    """
    try:
        with _no_longer_than(min(PATIENCE, ctx.remaining() - MARGIN)), ctx.transaction() as db:
            answered = db.execute("select now()").fetchone()
    except (psycopg.Error, OperatorError) as error:
        reason = unavailable(error) or (error.code if isinstance(error, OperatorError) else "query_failed")
        ctx.log.error("[DB-HEALTHCHECK] check.failed", reason=reason, error=str(error))
        return _answer(500, {"ok": False, "error": f"database unavailable: {reason}"})
    assert answered is not None, "select now() returns one row"
    ctx.log.info("[DB-HEALTHCHECK] check.passed", server_time=_iso(answered[0]))
    return _answer(200, {"ok": True, "database": {"connected": True, "serverTime": _iso(answered[0])}})


@contextmanager
def _no_longer_than(wait: timedelta) -> Iterator[None]:
    """Stop the block's SQL after `wait`, also when the server took the question and fell silent."""
    alarm = threading.Timer(max(wait.total_seconds(), 0.1), get_pool().interrupt)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    told = {**body, "timestamp": _iso(datetime.now(UTC))}
    return {"statusCode": status, "body": msgspec.json.encode(told).decode()}


def _iso(moment: datetime) -> str:
    """`2024-11-28T17:04:05.123Z`, as JavaScript writes it: the seed's readers parse that."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
