"""`lamppost queue redrive`: dead letters get another chance."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.output import safe, show, table, wants_json
from lamppost.cli.periods import Period, read_period
from lamppost.cli.queue.filters import Meant, read_filters
from lamppost.cli.queue.reading import read_moment, read_rate
from lamppost.cli.queue.redriving import Clock, Done, Tell, Wanted, rehearse
from lamppost.cli.queue.redriving import redrive as run
from lamppost.cli.queue.shelf import Aws, Filters, Shelf, open_shelf
from lamppost.cli.running import DEFAULT_DATA, Data, Json
from lamppost.cli.wish import Wish
from lamppost.errors import OperatorError

INTERRUPTED = 130
# Ctrl-C is heard between two of these.
SLICE_SECONDS = 0.1


def redrive(
    queue: Annotated[str, Parameter(help="The queue with the dead letters: bday-messages-dlq.")],
    *,
    rate: Annotated[str, Parameter(help="No faster than this: 50/s, 600/m.")] = "100/s",
    limit: Annotated[int | None, Parameter(help="At most so many.")] = None,
    filters: Filters = None,
    since: Annotated[
        str | None, Parameter(help="Only letters sent since: 2h (ago), 2027-03-15T09:00:00Z.")
    ] = None,
    to: Annotated[str | None, Parameter(help="Bring them here instead of to where each came from.")] = None,
    stop_after: Annotated[
        int,
        Parameter(
            help="So many go ahead and are waited for; once so many have failed again, it ends. 0: never."
        ),
    ] = 10,
    patience: Annotated[
        Period | None,
        Parameter(help="Wait so long for those that go ahead; else as long as the queue's attempts take."),
    ] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Only say what would be brought back.")] = False,
    aws: Aws = False,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Bring dead letters back to the queue they died in. Exits 1 when they fail again.

    Each goes once: what fails again stays with the dead letters. Ctrl-C, or a kill, leaves every letter
    in one place; run it again for the rest. (With --aws a kill may leave up to ten in both.)
    """
    if stop_after < 0 or (limit is not None and limit < 1):
        raise OperatorError("--limit counts from 1, --stop-after from 0", fix="see --help", code="bad_count")
    speed, read = read_rate(rate), read_filters(filters or [])
    wait = read_period(patience).total_seconds() if patience else None
    with closing(open_shelf(queue, data=data, aws=aws, target=to)) as shelf:
        if shelf.about.homes == []:
            raise OperatorError(
                f"no queue's dead letters come to {shelf.about.name}",
                fix="name the queue with the dead letters; or say where these belong: --to QUEUE",
                code="not_dead_letters",
            )
        meant = Meant(read, since=read_moment(since, shelf.about.now) if since else None)
        wanted = Wanted(meant, speed, limit, stop_after, wait)
        if dry_run:
            done = rehearse(shelf, wanted)
        else:
            with Wish() as stop, _telling(shelf, wanted, json=json) as tell:
                done = run(shelf, wanted, Clock(time.monotonic, lambda s: _wait(stop, s)), tell)
    show(done, lambda: _words(done), as_json=json)
    return {"failing": 1, "interrupted": INTERRUPTED}.get(done.ended, 0)


def _wait(stop: Wish, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not stop.came and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SLICE_SECONDS))
    return stop.came


@contextmanager
def _telling(shelf: Shelf, wanted: Wanted, *, json: bool) -> Iterator[Tell]:
    """A bar for people, nothing for programs."""
    if wants_json(json) or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    known = min(wanted.limit or shelf.about.messages, shelf.about.messages)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), transient=True) as bar:
        task = bar.add_task("bringing back", total=known if wanted.meant.everything else None)

        def tell(moved: int, failed: int, doing: str) -> None:
            again = f", {failed} failed again" if failed else ""
            bar.update(task, completed=moved, description=f"{doing}{again}")

        yield tell


def _words(done: Done) -> str:
    count = sum(done.moved.values())
    where = ", ".join(f"{number} to {safe(queue)}" for queue, number in sorted(done.moved.items()))
    if done.dry_run:
        lines = [f"would bring back {count}" + (f": {where}" if count else "")]
        if done.reasons:
            lines.append(table(done.reasons, ("COUNT", "WHY")))
    else:
        lines = [f"brought back {count}" + (f": {where}" if count else "")]
    if done.left:
        lines.append(
            f"{done.left} stay: nobody knows where they came from (--to QUEUE), or somebody else has them"
        )
    if done.ended == "failing":
        lines.append(f"stopped: {done.failed_again} have failed again; the rest stays in {safe(done.queue)}")
    elif done.failed_again:
        lines.append(f"{done.failed_again} have failed again so far")
    if done.ended == "interrupted":
        lines.append("interrupted; run it again for the rest")
    return "\n".join(lines)
