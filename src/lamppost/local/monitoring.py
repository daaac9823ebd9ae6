"""What is measured and what is watched, kept going: once a minute, just after it is over."""

import asyncio
import time
from pathlib import Path

from lamppost.local import tasks
from lamppost.local.meter import Meter
from lamppost.local.metrics import MINUTE, MOST_SERIES, Metrics
from lamppost.local.queues import Queues
from lamppost.local.watch import Watch
from lamppost.observe.log import Log

# So much after the minute that no timer is early.
_LATER = 0.05


class Monitoring:
    """The parts, and their minute hand. Without a folder nothing outlives the process."""

    def __init__(self, folder: Path | None, queues: Queues, log: Log) -> None:
        self.metrics = Metrics(folder)
        self.meter = Meter(self.metrics, queues)
        self._log = log
        self.watch = Watch(self.metrics.value, log, began=time.time())
        self._hand: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look each minute."""
        self._hand = asyncio.create_task(self._every_minute())

    async def look(self) -> None:
        """Measure all there is to measure now."""
        await self.metrics.load()
        await self.meter.look()

    async def close(self) -> None:
        """Stop looking, and keep what is measured."""
        if self._hand is not None:
            await tasks.end([self._hand])
        self.meter.count()
        self.metrics.close()

    async def _every_minute(self) -> None:
        await self.metrics.load()
        self.watch.turn(time.time())
        while True:
            # Looked at before the minute ends, so that each has its values; judged when it is over.
            await self._until(MINUTE - 1)
            await self.meter.look()
            await self._until(MINUTE + _LATER)
            self.meter.count()
            now = time.time()
            self.watch.turn(now)
            self.metrics.turn(now)
            if self.metrics.left_out:
                self._log.warning(
                    "metrics.too_many",
                    left_out=self.metrics.left_out,
                    fix=f"{MOST_SERIES:,} are kept: keep ids out of dimensions",
                )
                self.metrics.left_out = 0

    async def _until(self, second: float) -> None:
        """Sleep until this second of the minute; the wall clock may be set meanwhile."""
        await asyncio.sleep((second - time.time()) % MINUTE)
