"""`lamppost deliveries replay`: what is over goes out again."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from lamppost.cli.deliveries.spans import moment
from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import show, table, wants_json
from lamppost.cli.queue.reading import read_rate
from lamppost.cli.running import Json
from lamppost.cli.wish import Wish
from lamppost.delivery.operations import PORTION, Replay
from lamppost.delivery.reports import Count, Replayed
from lamppost.errors import OperatorError

INTERRUPTED = 130
# Nobody regrets so few.
FEW = 100
# Ctrl-C is heard between two of these.
SLICE_SECONDS = 0.1


class Done(msgspec.Struct):
    """What happened. `ended` is done, limit, dry run, refused or interrupted; `before` goes on with it."""

    replayed: int
    before: datetime
    counts: tuple[Count, ...]
    ended: str = "done"


def replay(
    delivery: Annotated[str | None, Parameter(help="One: its eventId, or its webhook-id (msg_…).")] = None,
    *,
    since: Annotated[
        str | None, Parameter(help="What was due since: 2h (ago), 2027-03-15T09:00:00Z.")
    ] = None,
    until: Annotated[str | None, Parameter(help="What was due before.")] = None,
    failed_since: Annotated[str | None, Parameter(help="Everything that died since then.")] = None,
    delivered: Annotated[bool, Parameter(negative=(), help="Also what arrived.")] = False,
    rate: Annotated[str, Parameter(help="No faster than this: 50/s, 600/m.")] = "100/s",
    limit: Annotated[int | None, Parameter(help="At most so many.")] = None,
    before: Annotated[str | None, Parameter(help="Go on with the run that printed this.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Only say what would go out, by reason.")] = False,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask, however many there are.")] = False,
    where: Where = HERE,
    json: Json = False,
) -> int:
    """Send again what is over, each under its webhook-id. Exits 1 when you did not agree."""
    if limit is not None and limit < 1:
        raise OperatorError("--limit counts from 1", fix="see --help", code="bad_count")
    speed = read_rate(rate)
    wanted = Replay(
        delivery,
        moment(since, where),
        moment(until, where),
        moment(failed_since, where),
        delivered,
        moment(before, where),
        dry_run=True,
    )
    desk = Desk(where)
    plan = desk.ask(wanted, Replayed)
    count = plan.replayed if limit is None else min(limit, plan.replayed)
    done = Done(0, plan.before, plan.counts)
    if dry_run:
        done.replayed, done.ended = count, "dry run"
    elif count > FEW and not yes and not _agreed(count):
        done.ended = "refused"
    elif count:
        going = msgspec.structs.replace(wanted, before=plan.before, dry_run=False)
        with Wish() as stop, _bar(count, json=json) as tell:
            _run(desk, going, done, rate=speed, limit=limit, stop=stop, tell=tell)
    show(done, lambda: _words(done), as_json=json)
    return {"refused": 1, "interrupted": INTERRUPTED}.get(done.ended, 0)


def _run(
    desk: Desk,
    wanted: Replay,
    done: Done,
    *,
    rate: float,
    limit: int | None,
    stop: Wish,
    tell: Callable[[int], None],
) -> None:
    """Portion after portion at the pace, until nothing is left, there are enough, or Ctrl-C."""
    size = max(1, min(PORTION, int(rate / 5)))
    free_at = time.monotonic()
    while not stop.came:
        room = size if limit is None else min(size, limit - done.replayed)
        if room == 0:
            done.ended = "limit"
            return
        went = desk.ask(msgspec.structs.replace(wanted, limit=room), Replayed).replayed
        done.replayed += went
        tell(done.replayed)
        if went == 0:
            return
        free_at = max(free_at, time.monotonic()) + went / rate
        while not stop.came and (left := free_at - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))
    done.ended = "interrupted"


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise OperatorError(
            f"this would send {count} again",
            fix="look with --dry-run, then say so: --yes",
            code="not_confirmed",
        )
    sys.stderr.write(f"Send {count} again? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _bar(count: int, *, json: bool) -> Iterator[Callable[[int], None]]:
    """A bar for people, nothing for programs."""
    if wants_json(json) or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("sending again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=count)
        yield lambda went: bar.update(task, completed=went)


def _words(done: Done) -> str:
    if done.ended == "refused":
        return "nothing was sent again"
    lines = [f"{'would send' if done.ended == 'dry run' else 'sent'} {done.replayed} again"]
    left = [each for each in done.counts if done.ended == "dry run" or not each.replay]
    if left:
        rows = [
            (each.count, each.status, each.why, "again" if each.replay else "left alone") for each in left
        ]
        lines.append(table(rows, ("COUNT", "STATUS", "WHY", "")))
    if done.ended == "interrupted":
        lines.append(f"interrupted; the same with --before {done.before:%Y-%m-%dT%H:%M:%S.%fZ} goes on")
    return "\n".join(lines)
