"""The sandboxes of a running system, found from outside, and somebody who kills them with -9."""

import os
import random
import signal
import threading
from contextlib import suppress
from pathlib import Path

from tests.running import House


def workers(runner: int) -> list[int]:
    """The sandboxes: children of the one process that forks them."""
    for child in _children(runner):
        with suppress(OSError):
            if b"functions.zygote" in Path(f"/proc/{child}/cmdline").read_bytes():
                return _children(child)
    return []


class Killer(threading.Thread):
    """Ends sandboxes, whatever they are at: one after each `pause` (seconds, from and to), `most` in all."""

    def __init__(
        self, house: House, seed: int, *, pause: tuple[float, float] = (0.005, 0.05), most: int = 12
    ) -> None:
        super().__init__(daemon=True)
        self.killed = 0
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._house = house
        self._pause = pause
        self._most = most

    def run(self) -> None:
        """Kill until it is over."""
        assert self._house.process is not None
        while not self._over.wait(self._random.uniform(*self._pause)):
            found = workers(self._house.process.pid)
            if found and self.killed < self._most:
                with suppress(ProcessLookupError):
                    os.kill(self._random.choice(found), signal.SIGKILL)
                    self.killed += 1

    def end(self) -> None:
        """Stop, and wait for it."""
        self._over.set()
        self.join()


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
