"""Ctrl-C as a wish that is asked for, where an exception at any moment could be lost."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Wish:
    """While it is entered, Ctrl-C sets `came` instead of raising.

    A KeyboardInterrupt that falls into a finaliser or a callback is printed and forgotten by Python;
    a command that has something running elsewhere must not miss it.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()

    @property
    def came(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long, or until Ctrl-C; whether it came."""
        return self._event.wait(seconds)
