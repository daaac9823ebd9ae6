"""`lamppost up`: brings the system up, keeps it up, and takes it down without losing anything."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from lamppost.errors import LamppostError
from lamppost.local.launch import Launched
from lamppost.local.options import Options
from lamppost.local.state import Running
from lamppost.observe.log import Log

if TYPE_CHECKING:
    from lamppost.local.system import System

DRAIN = 30.0


def run(options: Options, ready: Callable[[Running], None], say: Callable[[str], None], log: Log) -> None:
    """Run the system until SIGINT or SIGTERM. `ready` hears its addresses once requests are served.

    Raises `LamppostError` when it cannot come up: a port is taken, a migration fails, a
    declaration is wrong, another system runs on the same data.
    """
    launched = Launched(options)
    try:
        # Only now the rest of the house: psycopg alone takes as long as PostgreSQL takes to start.
        from lamppost.local.system import System

        stop = asyncio.Event()
        system = System(options, launched, say, log, stop.set)
        # The runner's own heap is long-lived: collecting it again and again costs and finds nothing.
        gc.freeze()
        asyncio.run(_live(system, stop, ready))
    finally:
        launched.end()


async def _live(system: "System", stop: asyncio.Event, ready: Callable[[Running], None]) -> None:
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_, stop.set)
    watching: asyncio.Task[None] | None = None
    try:
        ready(await system.start())
        from lamppost.local.reload import watch

        if system.options.reload:
            watching = loop.create_task(watch(system))
        await stop.wait()
    finally:
        if watching is not None:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError, LamppostError):
                await watching
        async with asyncio.timeout(DRAIN):
            await system.close()
