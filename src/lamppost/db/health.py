"""Whether this service can serve: a route's answer for monitors, load balancers and people.

    def health(ctx: Context) -> Health:
        return check(ctx)

with `Route("GET /health", api.health, public=True)` in the service.
"""

import threading
import time
from typing import Literal

import msgspec
import psycopg

from lamppost.db.faults import interrupted, unavailable
from lamppost.db.pool import CANCEL_SECONDS, get_pool
from lamppost.declare.context import Context
from lamppost.errors import CallerError, FieldError, LamppostError, OperatorError

# Whoever asks would rather hear "no" than wait: with the cancel that may follow, less than three seconds.
PATIENCE = 2.8 - CANCEL_SECONDS
RETRY_AFTER = 5


class Database(msgspec.Struct, frozen=True):
    """How long the database took, in milliseconds: a connection where there was none, and one question."""

    latency_ms: float


class Health(msgspec.Struct, frozen=True):
    """All is well."""

    database: Database
    status: Literal["ok"] = "ok"


def check(ctx: Context, *, patience: float = PATIENCE) -> Health:
    """Ask the database, within `patience` seconds, whatever it does meanwhile.

    Raises a `CallerError`: 503 `database_unavailable`, whose one error has the path `database` and the
    reason as its code (`connection_refused`, `too_many_connections`, `no_answer`, …). It names no host,
    no user and no database: the log does.
    """
    begun = time.monotonic()
    question = _Question(ctx)
    question.join(patience)
    if question.is_alive():
        # libpq waits for seconds of its own while it connects, and nothing can wake it.
        get_pool().interrupt()
        raise _refusal(ctx, "no_answer", None)
    if question.failed is not None:
        raise _refusal(ctx, _reason(question.failed), question.failed)
    return Health(Database(round((time.monotonic() - begun) * 1000, 2)))


class _Question(threading.Thread):
    """`select 1` on a thread that can be left behind: it changes nothing, and ends when libpq lets it."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(name="health", daemon=True)
        self.failed: psycopg.Error | LamppostError | None = None
        self._ctx = ctx
        self.start()

    def run(self) -> None:
        try:
            with self._ctx.transaction() as db:
                db.execute("select 1")
        except (psycopg.Error, LamppostError) as error:
            self.failed = error


def _refusal(ctx: Context, reason: str, error: BaseException | None) -> CallerError:
    ctx.log.error("health.failed", reason=reason, error=str(error or "no answer").partition("\n")[0])
    why = FieldError("database", reason, reason.replace("_", " "))
    refusal = CallerError(
        503, "database_unavailable", "the database does not answer", errors=(why,), retry_after=RETRY_AFTER
    )
    refusal.__cause__ = error
    return refusal


def _reason(error: psycopg.Error | LamppostError) -> str:
    reason = unavailable(error)
    if reason is not None:
        return reason
    if interrupted(error):
        return "interrupted"
    return "not_ready" if isinstance(error, OperatorError) else "query_failed"
