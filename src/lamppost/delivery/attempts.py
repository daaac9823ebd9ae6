"""The log of attempts: what came back from each POST, kept for some days."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg

from lamppost.db.arrays import listed, quoted
from lamppost.delivery.answer import Answer

if TYPE_CHECKING:
    from psycopg import Connection

    from lamppost.declare.context import Context

# The first bytes of an answer tell a proxy's error page from the application's.
HEAD_BYTES = 500


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """The `number`-th POST of a message (the first is 1), and its answer."""

    message_id: str
    number: int
    answer: Answer


_RECORD = """
insert into lamppost.attempts (at, service, message_id, attempt, status, error, latency_ms, head)
select (select lamppost.now()), %(service)s, a.*
  from unnest(%(message_ids)s::text[], %(numbers)s::int[], %(statuses)s::int[], %(errors)s::text[],
              %(latencies)s::int[], %(heads)s::bytea[]) as a
"""


def record(db: "Connection[Any]", service: str, attempts: Sequence[Attempt]) -> None:
    """Write these, within the caller's transaction."""
    values = _columns(service, attempts)
    db.execute("savepoint attempts")
    try:
        db.execute(_RECORD, values)
    except psycopg.errors.CheckViolation:
        # The day got its partition while this waited to write beside it: a new look finds that one.
        db.execute("rollback to attempts")
        db.execute(_RECORD, values)


def _columns(service: str, attempts: Sequence[Attempt]) -> dict[str, str]:
    answers = [attempt.answer for attempt in attempts]
    return {
        "service": service,
        "message_ids": quoted(attempt.message_id for attempt in attempts),
        "numbers": listed(str(attempt.number) for attempt in attempts),
        "statuses": listed("null" if answer.status is None else str(answer.status) for answer in answers),
        "errors": quoted(answer.error or None for answer in answers),
        "latencies": listed(str(answer.latency_ms) for answer in answers),
        "heads": quoted(
            "\\x" + answer.head[:HEAD_BYTES].hex() if answer.head else None for answer in answers
        ),
    }


def keep(ctx: "Context", days: int) -> None:
    """Make room for the days to come and drop what is older than `days` days; for a schedule to call.

    Nobody is kept waiting for it: while attempts are being written it leaves that to the next call.
    """
    try:
        with ctx.transaction() as db:
            row = db.execute("select lamppost.attempts_keep(%s)", (days,)).fetchone()
    except psycopg.errors.LockNotAvailable:
        ctx.log.info("attempts.busy")
        return
    if row is not None and row[0]:
        ctx.log.info("attempts.partitions_changed", count=row[0])
