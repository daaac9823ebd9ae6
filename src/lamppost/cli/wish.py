"""Ctrl-C as a wish that is asked for, where an exception at any moment could be lost."""

import signal
import time
from types import FrameType, TracebackType
from typing import Self


class Wish:
    """While it is entered, Ctrl-C sets `came` instead of raising.

    A KeyboardInterrupt that falls into a finaliser or a callback is printed and forgotten by Python;
    a command that has something running elsewhere must not miss it.
    """

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        # A flag and nothing more: a handler runs anywhere, also where an Event's lock is held.
        self._came = True

    @property
    def came(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._came

    def wait(self, seconds: float) -> bool:
        """Wait so long; whether Ctrl-C came by then."""
        time.sleep(seconds)
        return self._came
