"""A run that must end by a given moment: a Lambda's, whose caller hears nothing of one that was cut off.

Past the moment the statement that runs is cancelled, so that the server does not work on for nobody, and
before it no file is begun that could hardly end in time.
"""

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType

# What is kept back for rolling back and for saying so.
RESERVE = 2.0
# How much later the server ends a statement by itself, should we be gone by then.
BEHIND = 1.0
# With less than this no further file is begun.
ENOUGH = 5.0


class Deadline:
    """`seconds` from now, or never. Inside the `with` block `cancel` is called when the time is up."""

    def __init__(self, seconds: float | None, cancel: Callable[[], None]) -> None:
        self.over = False
        self._until = math.inf if seconds is None else time.monotonic() + seconds - RESERVE
        self._cancel = cancel
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "Deadline":
        if self._until < math.inf:
            self._timer = threading.Timer(max(0.0, self.left()), self._ring)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def left(self) -> float:
        """Seconds that statements may still take."""
        return self._until - time.monotonic()

    def enough(self) -> bool:
        """Whether another file may begin."""
        return not self.over and self.left() >= ENOUGH

    def bound(self, seconds: float) -> float:
        """A timeout of `seconds` that ends with the moment; never zero, which would mean none.

        It ends a little behind it: whoever is cancelled at the moment knows why, whoever times out does not.
        """
        return max(0.001, min(seconds, self.left() + BEHIND))

    def _ring(self) -> None:
        self.over = True
        self._cancel()
