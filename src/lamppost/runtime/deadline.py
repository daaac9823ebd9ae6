"""A call that may be left behind when its time is up.

An HTTP caller is told 503 two seconds before Lambda would end the sandbox without a word.
The call runs on a thread that outlives it, because nothing else can return from under a
handler that hangs; the thread is replaced only after it had to be left behind.
"""

import threading
from _queue import Empty, SimpleQueue
from collections.abc import Callable
from typing import Any

MARGIN = 2.0


class Overdue(Exception):
    """The call was not done in time; it is still on its thread."""


class Bystander:
    """Runs calls one at a time on a thread of its own."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._work, name="handler", daemon=True).start()

    def _work(self) -> None:
        while True:
            call = self._calls.get()
            try:
                self._results.put((call(), None))
            except BaseException as error:
                self._results.put((None, error))

    def run(self, call: Callable[[], Any], seconds: float) -> Any:
        """The result of `call`, or what it raised; `Overdue` after `seconds`."""
        self._calls.put(call)
        try:
            value, error = self._results.get(timeout=max(seconds, 0.001))
        except Empty:
            raise Overdue from None
        if error is not None:
            raise error
        return value


def seconds_for(remaining_ms: int) -> float:
    """How long a call may take when Lambda leaves it `remaining_ms`: to 2 s before the end, at least half."""
    remaining = remaining_ms / 1000
    return max(remaining - MARGIN, remaining / 2)
