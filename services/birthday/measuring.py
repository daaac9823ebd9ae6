"""What is measured: how much waits, how much goes out, how much fails, how late.

The exact figures of a minute stand in the tables; these are for graphs and alarms, and a worker
that dies between its record and its last line has not counted.
"""

from collections.abc import Sequence
from datetime import timedelta

from lamppost import Context
from services.birthday.messages import Greeting
from services.birthday.store import backlog
from services.birthday.store.settling import Tally


def tick(ctx: Context, *, claimed: int) -> None:
    """Measure one minute of the scheduler."""
    with ctx.transaction() as db:
        ctx.metric("UndeliveredEvents", backlog.undelivered(db))
    ctx.metric("ClaimedEvents", claimed)


def chunk(ctx: Context, tally: Tally, delivered: Sequence[Greeting], *, attempts: int, failed: int) -> None:
    """Measure one chunk."""
    ctx.metric("DeliveryAttempts", attempts)
    ctx.metric("DeliveryFailures", failed)
    dead(ctx, tally.dead)
    if tally.lateness is not None and delivered:
        ctx.metric("Lateness", lateness(delivered, tally.lateness), "Seconds")


def dead(ctx: Context, count: int) -> None:
    """Measure greetings that were given up."""
    if count:
        ctx.metric("DeadEvents", count)


def lateness(delivered: Sequence[Greeting], longest: timedelta) -> list[float]:
    """Seconds from due to recorded, of greetings recorded together of which the oldest was `longest` late."""
    oldest = min(greeting.due_at for greeting in delivered)
    return [(longest - (greeting.due_at - oldest)).total_seconds() for greeting in delivered]
