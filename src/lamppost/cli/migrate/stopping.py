"""Ctrl-C, and the SIGTERM of a container that is stopped: first a wish, then an order."""

import signal
from types import FrameType, TracebackType
from typing import Self


class Stopping:
    """While it is entered, the first signal sets `came`, the second one raises KeyboardInterrupt.

    A batch that is under way then ends, with its checkpoint; only who insists has it cancelled. Further
    signals change nothing: the cancelling itself must not be interrupted.
    """

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Who was heard is not heard again: the verdict is being printed, and the process ends by itself.
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._count else before)

    def came(self) -> bool:
        """Whether somebody wants it to stop."""
        return self._count > 0

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        # A number and nothing more: a handler runs anywhere, also while a line is being printed.
        self._count += 1
        if self._count == 2:
            # The driver, which waits for the statement, cancels it and passes this on.
            raise KeyboardInterrupt
