"""Measures what AWS measures by itself, and reads what functions measured out of their logs.

An invocation only leaves a note; notes are counted in heaps, when a minute ends or somebody asks.
"""

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from lamppost.derive.measures import LAMBDA, OLDEST, SQS, VISIBLE
from lamppost.errors import OperatorError
from lamppost.local.embedded import MARK, readings
from lamppost.local.functions.spec import Result
from lamppost.local.metrics import KEEP_SECONDS, MINUTE, Metrics, series
from lamppost.local.queues import Queues

# Notes that are counted at once: their memory is small, and the pause unseen.
_HEAP = 2000

# Function, second, milliseconds (None: it never began), failed, throttled, how many ran.
_Note = tuple[str, float, float | None, bool, bool, int]


class _Tally(msgspec.Struct):
    """The invocations of one function in one minute."""

    invocations: int = 0
    throttles: int = 0
    failed: int = 0
    most: int = 0
    durations: Counter[float] = msgspec.field(default_factory=Counter)


class Meter:
    """Fills `metrics`."""

    def __init__(self, metrics: Metrics, queues: Queues) -> None:
        self._metrics = metrics
        self._queues = queues
        self._notes: list[_Note] = []
        self._lines: list[str] = []
        queues.moved = self.moved

    def invoked(self, function: str, result: Result, running: int) -> None:
        """Note an invocation; `running` counts those of the function that ran when it began, itself too."""
        notes = self._notes
        failed = result.error is not None
        notes.append((function, time.time(), result.milliseconds, failed, result.throttled, running))
        if len(notes) >= _HEAP:
            self.count()

    def said(self, lines: Iterable[str]) -> None:
        """Keep the lines that hold metrics."""
        for line in lines:
            if MARK in line:
                self._lines.append(line)
        if len(self._lines) >= _HEAP:
            self.count()

    def moved(self, how: str, queue: str, messages: int) -> None:
        """Count messages `Sent` to, `Received` from, or `Deleted` from a queue."""
        which = series(SQS, f"NumberOfMessages{how}", {"QueueName": queue})
        self._metrics.put(which, [messages], at=time.time(), unit="Count")

    def count(self) -> None:
        """Count what was noted."""
        notes, self._notes = self._notes, []
        lines, self._lines = self._lines, []
        tallies: dict[tuple[str, int], _Tally] = {}
        for function, at, milliseconds, failed, throttled, running in notes:
            tally = tallies.setdefault((function, int(at) // MINUTE * MINUTE), _Tally())
            if throttled:
                # Neither an invocation nor an error, on AWS.
                tally.throttles += 1
                continue
            tally.invocations += 1
            tally.failed += failed
            tally.most = max(tally.most, running)
            if milliseconds is not None:
                tally.durations[round(milliseconds, 2)] += 1
        for (function, minute), tally in tallies.items():
            self._keep(function, minute, tally)
        for reading in (reading for line in lines for reading in readings(line)):
            # CloudWatch takes two weeks back and two hours ahead; what we keep is less.
            if -7200 <= time.time() - reading.at <= KEEP_SECONDS:
                self._metrics.put(reading.which, reading.values, at=reading.at, unit=reading.unit)

    async def look(self) -> None:
        """Count what was noted, and look into the queues. While PostgreSQL is away they have no values."""
        self.count()
        try:
            for name in self._queues.names():
                counts = await self._queues.counts(name)
                self._gauge(name, VISIBLE, counts.visible)
                self._gauge(name, "ApproximateNumberOfMessagesNotVisible", counts.in_flight)
                self._gauge(name, "ApproximateNumberOfMessagesDelayed", counts.delayed)
                self._gauge(name, OLDEST, counts.oldest, "Seconds")
        except OperatorError:
            return

    def _gauge(self, queue: str, metric: str, value: float, unit: str = "Count") -> None:
        which = series(SQS, metric, {"QueueName": queue})
        self._metrics.put(which, [value], at=time.time(), unit=unit)

    def _keep(self, function: str, minute: int, tally: _Tally) -> None:
        def put(metric: str, values: Any, unit: str = "Count") -> None:
            which = series(LAMBDA, metric, {"FunctionName": function})
            self._metrics.put(which, values, at=minute, unit=unit)

        if tally.throttles:
            put("Throttles", {1.0: tally.throttles})
        if not tally.invocations:
            return
        put("Invocations", {1.0: tally.invocations})
        put("Errors", {1.0: tally.failed, 0.0: tally.invocations - tally.failed})
        put("ConcurrentExecutions", [tally.most])
        if not tally.throttles:
            put("Throttles", {0.0: tally.invocations})
        if tally.durations:
            put("Duration", tally.durations, "Milliseconds")
