"""The metrics of one machine, by the minute: three hours in memory, and on disk for the next start.

A minute is written when it is over, so a `kill -9` forgets the one it fell in and nothing else.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from lamppost.derive.measures import Measure
from lamppost.local.logs import LogStore
from lamppost.local.points import Point, read_row

MINUTE = 60
KEEP_SECONDS = 3 * 3600
# A dimension that holds an id makes a series of each: a bill on AWS, and memory here.
MOST_SERIES = 5000
# Two files of this: some hours of all queues, functions and a busy service.
ROTATE_BYTES = 4 * 1024 * 1024
_LOG = "metrics"

Dimensions = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """One metric: another value of a dimension is another one. `dimensions` are sorted."""

    namespace: str
    metric: str
    dimensions: Dimensions = ()


class _Row(msgspec.Struct, array_like=True):
    namespace: str
    metric: str
    dimensions: Dimensions
    unit: str
    minute: int
    count: int
    total: float
    least: float
    most: float
    often: list[tuple[float, int]]


def series(namespace: str, metric: str, dimensions: Mapping[str, str]) -> Series:
    """The series of these dimensions, in whatever order they come."""
    return Series(namespace, metric, tuple(sorted(dimensions.items())))


class Metrics:
    """Every series. Times are seconds since 1970; without a folder nothing outlives the process."""

    def __init__(self, folder: Path | None = None, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._files = LogStore(folder, rotate_bytes=rotate_bytes) if folder is not None else None
        self._points: dict[Series, dict[int, Point]] = {}
        self._units: dict[Series, str] = {}
        self._unwritten: set[tuple[Series, int]] = set()
        self._loading = asyncio.Lock()
        # How many values were left out because there were too many series.
        self.left_out = 0
        self._loaded = folder is None

    def put(
        self, which: Series, values: Mapping[float, int] | Iterable[float], *, at: float, unit: str = "None"
    ) -> None:
        """Count values measured at `at`; a mapping says how often each was."""
        if which not in self._points and len(self._points) >= MOST_SERIES:
            self.left_out += 1
            return
        minute = int(at) // MINUTE * MINUTE
        point = self._points.setdefault(which, {}).setdefault(minute, Point())
        if isinstance(values, Mapping):
            for value, times in values.items():
                point.add(value, times)
        else:
            for value in values:
                point.add(value)
        self._units[which] = unit
        self._unwritten.add((which, minute))

    def known(self) -> list[Series]:
        """Every series that has a value, sorted."""
        return sorted(self._points)

    def unit(self, which: Series) -> str:
        """What the series is measured in."""
        return self._units.get(which, "None")

    def extent(self, which: Series) -> tuple[int, int]:
        """The first minute that the series has a value in, and the end of the last; the same for none."""
        minutes = self._points.get(which)
        return (min(minutes), max(minutes) + MINUTE) if minutes else (0, 0)

    def window(self, which: Series, begin: int, end: int) -> Point | None:
        """All values from `begin` to before `end` as one point; None when there are none."""
        found: Point | None = None
        for minute, point in self._points.get(which, {}).items():
            if begin <= minute < end:
                found = found or Point()
                found.merge(point)
        return found

    def value(self, measure: Measure, begin: int, end: int) -> float | None:
        """What `measure` looks at, in a window; None when nothing was measured."""
        which = series(measure.namespace, measure.metric, dict(measure.dimensions))
        point = self.window(which, begin, end)
        return point.statistic(measure.statistic) if point is not None else None

    async def load(self) -> None:
        """Take up what an earlier run wrote, once."""
        async with self._loading:
            if self._loaded:
                return
            for row in (await asyncio.to_thread(self._read)).values():
                which = Series(row.namespace, row.metric, row.dimensions)
                point = self._points.setdefault(which, {}).setdefault(row.minute, Point())
                point.merge(read_row(row.count, row.total, row.least, row.most, row.often))
                self._units.setdefault(which, row.unit)
            self._loaded = True

    def turn(self, now: float) -> None:
        """Write the minutes that are over at `now`, and forget old ones. Load first."""
        self._write(lambda minute: minute + MINUTE <= now)
        oldest = int(now) - KEEP_SECONDS
        for which, points in list(self._points.items()):
            for minute in [minute for minute in points if minute < oldest]:
                del points[minute]
            if not points:
                del self._points[which]
                self._units.pop(which, None)

    def close(self) -> None:
        """Write the rest and close."""
        if self._files is not None:
            self._write(lambda _: True)
            self._files.close()

    def _write(self, ready: Callable[[int], bool]) -> None:
        over = [each for each in self._unwritten if ready(each[1])]
        lines = []
        for which, minute in sorted(over):
            point = self._points.get(which, {}).get(minute)
            if point is not None:
                row = [*which, self.unit(which), minute, *point.row()]
                lines.append(msgspec.json.encode(row).decode())
                point.pack()
        self._unwritten.difference_update(over)
        if lines and self._files is not None:
            self._files.append(_LOG, "", lines)

    def _read(self) -> dict[tuple[Series, int], _Row]:
        """The rows of the last hours: of one minute the last one counts, as it was written again."""
        assert self._files is not None
        rows: dict[tuple[Series, int], _Row] = {}
        for event in self._files.read(_LOG, since=int((time.time() - KEEP_SECONDS) * 1000)):
            try:
                row = msgspec.json.decode(event.message, type=_Row)
            except msgspec.DecodeError:
                continue  # another version's
            rows[Series(row.namespace, row.metric, row.dimensions), row.minute] = row
        return rows
