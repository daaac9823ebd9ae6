"""`lamppost clock`: the system's time, shown and moved."""

import sys
import time
from datetime import datetime
from typing import Annotated, Any

from cyclopts import App, Parameter

from lamppost.cli.output import show, wants_json
from lamppost.cli.periods import Period, read_period
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.cli.wish import Wish
from lamppost.errors import OperatorError

app = App(
    name="clock", help="Show and move the system's time. Due times, schedules and retry waits follow it."
)

PAUSE = 0.2
INTERRUPTED = 130


@app.command(name="show")
def show_now(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Show the system's time."""
    _say(ask(data, "clock/show"), json)


@app.command(name="set")
def set_(
    at: Annotated[str, Parameter(help="2027-03-15T08:59:00Z; without a zone it is UTC.")],
    *,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Jump to a time, as after an outage: every schedule ticks once, and its work is finished."""
    _say(ask(data, "clock/set", at=at), json)


@app.command
def reset(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Go back to the wall's time."""
    _say(ask(data, "clock/reset"), json)


@app.command
def stop(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """Stop a walk where it is."""
    _say(ask(data, "clock/stop"), json)


@app.command
def advance(
    by: Annotated[Period, Parameter(allow_leading_hyphen=True, help="How far: 90s, 15m, 36h, 2d, 1y.")],
    *,
    tick: Annotated[Period, Parameter(help="The stride; 15m meets every zone's nine o'clock.")] = "15m",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Walk forward, ticking every schedule through the time in order. Ctrl-C stops the walk."""
    length, stride = read_period(by), read_period(tick)
    with Wish() as stop:
        now = ask(data, "clock/advance", by_s=length.total_seconds(), step_s=stride.total_seconds())
        now = _follow(data, now, length.total_seconds(), stop, json=json)
        if stop.came:
            _say(ask(data, "clock/stop"), json)
            return INTERRUPTED
    if now["error"]:
        raise OperatorError(
            f"the walk ended early: {now['error']}", fix="see `lamppost logs`; walk on from here"
        )
    _say(now, json)
    return 0


@app.command
def follow(*, data: Data = DEFAULT_DATA) -> None:
    """Show the time as it goes, until Ctrl-C."""
    while True:
        sys.stdout.write(f"\r{ask(data, 'clock/show')['now']} ")
        sys.stdout.flush()
        time.sleep(PAUSE)


def _follow(data: Any, now: dict[str, Any], length: float, stop: Wish, *, json: bool) -> dict[str, Any]:
    """Watch the walk until it is over or no longer wanted; the last look at the clock."""
    if not now["walking_to"]:
        return now
    if wants_json(json):
        while now["walking_to"] and not stop.wait(PAUSE):
            now = ask(data, "clock/show")
        return now
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True
    ) as bar:
        walk = bar.add_task("", total=length)
        while now["walking_to"] and not stop.came:
            left = (_at(now["walking_to"]) - _at(now["now"])).total_seconds()
            bar.update(walk, completed=length - left, description=now["now"][:16])
            stop.wait(PAUSE)
            now = ask(data, "clock/show")
    return now


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _say(now: dict[str, Any], json: bool) -> None:
    show(now, lambda: f"{now['now']}  ({now['shift_s'] / 86400:+.3f} days from the wall)", as_json=json)
