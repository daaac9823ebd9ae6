"""Ctrl-C, and the SIGTERM of a container that is stopped: first a wish, then an order."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class Stopping:
    """While it is entered, the first signal sets `came`; the next one raises KeyboardInterrupt.

    A batch that is under way then ends, with its checkpoint; only who insists has it cancelled.
    """

    def __init__(self, said: Callable[[], None]) -> None:
        self.came = False
        self._said = said

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            # The driver, which waits for the statement, cancels it and passes this on.
            raise KeyboardInterrupt
        self.came = True
        self._said()
