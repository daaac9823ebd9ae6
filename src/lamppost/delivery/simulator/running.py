"""The simulator beside a test or a program that is not asynchronous: on a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamppost.delivery.simulator.server import Simulator


@contextmanager
def running(**options: Any) -> Iterator[Simulator]:
    """A `Simulator` with these options, listening until the block ends.

    with running(behave="429:0.1", seed=7) as receiver:
        post_to(receiver.url)
    assert receiver.report().repeats == 0
    """
    simulator = Simulator(**options)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(simulator.start())
        thread = threading.Thread(target=loop.run_forever, name="receiver", daemon=True)
        thread.start()
        try:
            yield simulator
        finally:
            asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
    finally:
        loop.close()
