"""Waking those who wait, at once or at a time, without polling."""

import asyncio


class Bell:
    """Rings for everyone who is listening. Listen first, look second, wait third: no ring is missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def listen(self) -> asyncio.Event:
        """The event that the next ring sets."""
        return self._event

    def ring(self) -> None:
        """Wake everyone who listens."""
        rung, self._event = self._event, asyncio.Event()
        rung.set()

    def ring_in(self, seconds: float) -> None:
        """Ring in `seconds`. The earliest of several wishes wins: who looks too early looks again."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(seconds, 0.0)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._on_time)

    def silence(self) -> None:
        """Forget a ring that is still to come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self.ring()


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most `seconds`. Returns whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
