"""A call that may be left behind when its time is up.

An HTTP caller is told 503 two seconds before Lambda would end the sandbox without a word.
The call runs on a thread that outlives it, because nothing else can return from under a
handler that hangs; the thread is replaced only after it had to be left behind.
"""

import threading
from collections.abc import Callable
from typing import Any

MARGIN = 2.0


class Overdue(Exception):
    """The call was not done in time; it is still on its thread."""


class Bystander:
    """Runs calls one at a time on a thread of its own."""

    def __init__(self) -> None:
        # Held while there is nothing to do, and while nothing is done: a queue would cost a third more.
        self._asked, self._answered = threading.Lock(), threading.Lock()
        self._asked.acquire()
        self._answered.acquire()
        self._call: Callable[[], Any] | None = None
        self._result: tuple[Any, BaseException | None] = (None, None)
        threading.Thread(target=self._work, name="handler", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._asked.acquire()
            call, self._call = self._call, None
            assert call is not None, "put there before the lock was released"
            try:
                self._result = (call(), None)
            except BaseException as error:
                self._result = (None, error)
            self._answered.release()

    def run(self, call: Callable[[], Any], seconds: float) -> Any:
        """The result of `call`, or what it raised; `Overdue` after `seconds`, and then never used again."""
        self._call = call
        self._asked.release()
        if not self._answered.acquire(timeout=max(seconds, 0.001)):
            raise Overdue
        (value, error), self._result = self._result, (None, None)
        if error is not None:
            raise error
        return value


def seconds_for(remaining_ms: int) -> float:
    """How long a call may take when Lambda leaves it `remaining_ms`: to 2 s before the end, at least half."""
    remaining = remaining_ms / 1000
    return max(remaining - MARGIN, remaining / 2)
