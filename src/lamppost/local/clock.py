"""The system's time, and the schedules that follow it.

The product's SQL asks `lamppost.now()`: the server's clock plus one interval that stands in
every database of the local system and nowhere on AWS. Setting the clock jumps, as after an
outage: each schedule ticks once. Advancing walks: each schedule ticks through the time in order.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from lamppost.derive.manifest import Manifest
from lamppost.errors import OperatorError
from lamppost.local import tasks
from lamppost.local.dials import Dial

Invoke = Callable[[str, datetime], Awaitable[None]]
Quiet = Callable[[], Awaitable[None]]

# PostgreSQL's and zoneinfo's zones are known this far; a typing error is likelier than the wish to go on.
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Paced(msgspec.Struct, frozen=True):
    """A schedule: the function's dev name and its pace."""

    function: str
    every: timedelta


class Clock:
    """Owns the shift and the ticking. `home` is the database whose clock is the truth."""

    def __init__(self, invoke: Invoke, quiet: Quiet) -> None:
        self._invoke = invoke
        self._quiet = quiet
        self._home = Dial("")
        self._others: dict[str, Dial] = {}
        self._shift = timedelta(0)
        self._schedules: tuple[Paced, ...] = ()
        self._ticking: asyncio.Task[None] | None = None
        self._walking = asyncio.Lock()
        # So that restoring an old time never overtakes setting a new one.
        self._turning = asyncio.Lock()
        self._changed = asyncio.Event()
        self._running: set[asyncio.Future[None]] = set()
        self._ticked: dict[str, datetime] = {}

    async def open(self, home: str) -> None:
        """Connect to the home database and take its time."""
        self._home = Dial(home)
        self._shift = await self._home.read()

    async def also(self, databases: list[str]) -> None:
        """Keep the clocks of these databases too: they get the home's time, whatever a crash left in them."""
        for gone in self._others.keys() - set(databases):
            await self._others.pop(gone).close()
        self._others |= {name: Dial(name) for name in databases if name not in self._others}
        await self.restore()

    async def restore(self) -> None:
        """Write the time into every database: a server that crashed may have lost the last half second."""
        async with self._turning:
            await self._turn(self._shift)

    def describe(self, manifest: Manifest, dev_name: Callable[[str], str]) -> None:
        """Tick the schedules of `manifest`."""
        self._schedules = tuple(
            Paced(dev_name(service.function(schedule.runs).named), timedelta(seconds=schedule.every))
            for service in manifest.services
            for schedule in service.schedules
        )
        self._changed.set()

    def planned(self) -> list[tuple[Paced, datetime | None, datetime]]:
        """Each schedule, when it last ticked, and when it will, if nobody moves the clock."""
        now = self.now()
        ticked = ((each, self._ticked.get(each.function)) for each in self._schedules)
        return [(each, last, _after(max(last or now, now), each.every)) for each, last in ticked]

    def now(self) -> datetime:
        """The system's time."""
        return datetime.now(UTC) + self._shift

    @property
    def shift(self) -> timedelta:
        """How far the system's time is from the wall's."""
        return self._shift

    def start(self) -> None:
        """Tick by the minute from now on."""
        self._ticking = asyncio.get_running_loop().create_task(self._tick_for_ever())

    async def set(self, at: datetime) -> datetime:
        """Jump to `at`, as after an outage: every schedule ticks once, now. Back in time is allowed."""
        _check(at)
        async with self._walking:
            await self._go_to(at)
            await asyncio.gather(*(self._tick(schedule, at) for schedule in self._schedules))
            await self._quiet()
        self._changed.set()
        return self.now()

    async def reset(self) -> datetime:
        """Go back to the wall's time."""
        async with self._walking:
            await self._write(timedelta(0))
        self._changed.set()
        return self.now()

    async def advance(self, by: timedelta, step: timedelta, progress: Callable[[datetime], None]) -> datetime:
        """Walk `by` forward in `step`s; at each, what came due ticks and its work is finished."""
        if by <= timedelta(0) or step <= timedelta(0):
            raise OperatorError(
                "the clock walks forward only", fix="give a positive length, or use `clock set`"
            )
        async with self._walking:
            start = self.now()
            _check(start + by)
            for at in _steps(start, start + by, step):
                await self._go_to(at)
                due = [schedule for schedule in self._schedules if self._is_due(schedule, at)]
                if due:
                    await asyncio.gather(*(self._tick(schedule, at) for schedule in due))
                    await self._quiet()
                progress(at)
        self._changed.set()
        return self.now()

    async def close(self) -> None:
        """Stop ticking; a tick at work goes on until its function is ended."""
        await tasks.end([self._ticking])
        for dial in (self._home, *self._others.values()):
            await dial.close()

    # --- inside

    def _is_due(self, schedule: Paced, at: datetime) -> bool:
        last = self._ticked.get(schedule.function)
        return last is None or at >= _after(last, schedule.every) or at < last

    async def _go_to(self, at: datetime) -> None:
        await self._write(at - datetime.now(UTC))

    async def _write(self, shift: timedelta) -> None:
        async with self._turning:
            await self._turn(shift)

    async def _turn(self, shift: timedelta) -> None:
        # The home first: whatever a crash leaves, open() brings the others after it.
        await self._home.turn(shift)
        self._shift = shift
        await asyncio.gather(*(dial.turn(shift) for dial in self._others.values()))

    async def _tick(self, schedule: Paced, at: datetime) -> None:
        self._ticked[schedule.function] = at
        await self._invoke(schedule.function, at)

    async def _tick_for_ever(self) -> None:
        while True:
            async with self._walking:
                now = self.now()
                for schedule in self._schedules:
                    if schedule.function not in self._ticked:
                        # At the start nothing is owed: the first tick is at the next full minute.
                        self._ticked[schedule.function] = now
                    elif self._is_due(schedule, now):
                        self._ticked[schedule.function] = now
                        self._spawn(self._invoke(schedule.function, _minute(now)))
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._pause())

    def _pause(self) -> float:
        now = self.now()
        dues = [_after(self._ticked.get(s.function, now), s.every) for s in self._schedules]
        return max(0.001, min(((due - now).total_seconds() for due in dues), default=60.0))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _after(last: datetime, every: timedelta) -> datetime:
    """The first multiple of `every` after `last`, counted from midnight UTC of year 1."""
    epoch = datetime(1, 1, 1, tzinfo=UTC)
    return epoch + ((last - epoch) // every + 1) * every


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _steps(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    """Full multiples of `step` between `start` and `end`, then `end`: zones lie on quarter hours."""
    at = _after(start, step)
    while at < end:
        yield at
        at += step
    yield end


def _check(at: datetime) -> None:
    if not datetime(1970, 1, 2, tzinfo=UTC) <= at <= LATEST:
        raise OperatorError(f"{at:%Y-%m-%d} is out of the clock's reach", fix="stay between 1970 and 2200")
