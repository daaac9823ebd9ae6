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
    """How late each was, in seconds: recorded together, the oldest first, and that one `longest` late."""
    late: list[float] = []
    oldest = due = delivered[0].due_at
    seconds = longest.total_seconds()
    for greeting in delivered:
        # A thousand of a chunk are due at one instant, or at a few.
        if greeting.due_at != due:
            due = greeting.due_at
            seconds = (longest - (due - oldest)).total_seconds()
        late.append(seconds)
    return late
