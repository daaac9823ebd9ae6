"""Whether one more process would get more done, or only wait for a core like the others."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

# Cores are handed out in slices of some milliseconds: a shorter look would be chance, a longer one history.
LOOK_SECONDS = 0.05
_HISTORY_SECONDS = 1.0
# The part of their time that processes wait for a core when there are not enough.
SHORT = 0.2


class Cores:
    """Watches how long processes could have run and had no core; where nobody tells, they always had one."""

    def __init__(self) -> None:
        self.count = _count()
        self._waited: dict[int, float] = {}
        self._looked = float("-inf")
        self._short = False

    @property
    def age(self) -> float:
        """Seconds since the last look that saw something."""
        return time.monotonic() - self._looked

    def short(self, pids: Iterable[int]) -> bool:
        """Whether these waited for cores since the last look; yes, while that is too long ago to tell."""
        elapsed = self.age
        if elapsed < LOOK_SECONDS:
            return self._short
        waited = {pid: _waited(pid) for pid in pids}
        since = [waited[pid] - self._waited[pid] for pid in waited if pid in self._waited]
        self._short = elapsed > _HISTORY_SECONDS or sum(since) > SHORT * elapsed * len(since)
        self._waited, self._looked = waited, time.monotonic()
        return self._short


def _count() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _waited(pid: int) -> float:
    # https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    try:
        threads = [Path(thread, "schedstat").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int(thread.split()[1]) for thread in threads) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
