"""`lamppost up`: brings the system up, keeps it up, and takes it down without losing anything."""

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lamppost.errors import LamppostError
from lamppost.local.launch import Launched
from lamppost.local.options import Options
from lamppost.local.state import Running
from lamppost.observe.log import Log

if TYPE_CHECKING:
    from lamppost.local.system import Apps, System

DRAIN = 30.0
# One Ctrl-C may arrive twice: from the terminal, and from a wrapper that passes it on.
SAME_WISH = 0.5

INTERRUPTED = 130


class Stop:
    """The wish to end. Wished once, the system drains; wished again, it ends at once."""

    def __init__(self) -> None:
        self.wished = asyncio.Event()
        self.urgent = asyncio.Event()
        self.code = 0
        self._at = 0.0

    def wish(self, code: int = 0) -> None:
        """End with this exit code; the first wish's code counts."""
        if not self.wished.is_set():
            self.code, self._at = code, time.monotonic()
            self.wished.set()
        elif time.monotonic() - self._at > SAME_WISH:
            self.urgent.set()


def run(
    options: Options, ready: Callable[[Running], None], say: Callable[[str], None], log: Log, apps: "Apps"
) -> int:
    """Run the system until it is told to end; the exit code: 130 after Ctrl-C, else 0.

    `ready` hears its addresses once requests are served; `apps` are served beside the APIs.
    Raises `LamppostError` when it cannot come up: a port is taken, a migration fails, a
    declaration is wrong, another system runs on the same data.
    """
    stop = Stop()
    # A wish from the first line on, never a KeyboardInterrupt: one that falls into a lock's release
    # (a fork's, an import's) would leave that lock held for ever.
    signal.signal(signal.SIGINT, lambda *_: stop.wish(INTERRUPTED))
    signal.signal(signal.SIGTERM, lambda *_: stop.wish())
    launched = Launched(options)
    try:
        # Only now the rest of the house: psycopg alone takes as long as PostgreSQL takes to start.
        from lamppost.local.system import System

        system = System(options, launched, say, log, stop.wished.set, apps=apps)
        # The runner's own heap is long-lived: collecting it again and again costs and finds nothing.
        gc.freeze()
        asyncio.run(_live(system, stop, ready))
        return stop.code
    finally:
        # From here it takes moments, and cut short it would leave processes behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        launched.end()


async def _live(system: "System", stop: Stop, ready: Callable[[Running], None]) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.wish, INTERRUPTED)
    loop.add_signal_handler(signal.SIGTERM, stop.wish)
    if not await _first(stop.wished, loop.create_task(_start(system, ready))):
        return
    from lamppost.local.reload import watch

    watching = loop.create_task(watch(system)) if system.options.reload else None
    await stop.wished.wait()
    if watching is not None:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError, LamppostError):
            await watching
    try:
        async with asyncio.timeout(DRAIN):
            drained = await _first(stop.urgent, loop.create_task(system.close()))
    except TimeoutError:
        drained = False
    if not drained:
        system.log.warning("drain.cut_short", fix="nothing accepted is lost: the next start takes it up")
        system.forget()


async def _start(system: "System", ready: Callable[[Running], None]) -> None:
    ready(await system.start())


async def _first(event: asyncio.Event, task: asyncio.Task[None]) -> bool:
    """Whether `task` finished before `event` came; then it is given up. Raises what the task raises."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        return False
    finally:
        for each in (waiting, task):
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError, LamppostError):
            await task
