"""Whether processes get the cores they ask for is read off Linux."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lamppost.local.functions.cores import LOOK_SECONDS, Cores
from tests.running import until

# A thread works, as the handler of a sandbox does, while the main thread only waits for it.
BUSY = "import threading\ndef work():\n    while True: pass\nthreading.Thread(target=work).start()"
IDLE = "import threading; threading.Event().wait()"


@contextmanager
def four(code: str) -> Iterator[list[int]]:
    """Processes that run `code`, all on one core."""
    core = {min(os.sched_getaffinity(0))}
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    try:
        for one in running:
            os.sched_setaffinity(one.pid, core)
        yield [one.pid for one in running]
    finally:
        for one in running:
            one.kill()
            one.wait()


def looks(cores: Cores, pids: list[int]) -> Iterator[bool]:
    """What each new look says, the first, which has nothing to compare with, left out."""
    cores.short(pids)
    while True:
        until(lambda: cores.age > LOOK_SECONDS)
        yield cores.short(pids)


def test_processes_that_share_one_core_are_short_of_cores() -> None:
    with four(BUSY) as pids:
        seen = looks(Cores(), pids)
        until(lambda: next(seen))
        assert next(seen)


def test_processes_that_wait_for_something_else_are_not() -> None:
    with four(IDLE) as pids:
        seen = looks(Cores(), pids)
        until(lambda: not next(seen))


def test_nobody_can_tell_at_the_first_look() -> None:
    with four(IDLE) as pids:
        assert Cores().short(pids)
