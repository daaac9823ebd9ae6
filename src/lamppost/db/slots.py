"""Who may hold one of the pool's connections, and who is next.

A slot is the right to have a connection open. Whoever waits longest is handed the slot that
comes free, with its connection if that is fit: a thread that runs hot cannot starve the others.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from lamppost.db.faults import Interrupted, PoolTimeout
from lamppost.errors import OperatorError

Thing = TypeVar("Thing")


class _Waiter(Generic[Thing]):
    __slots__ = ("called", "given", "refused")

    def __init__(self) -> None:
        self.called = threading.Event()
        self.given: Thing | None = None
        self.refused: OperatorError | None = None


class Slots(Generic[Thing]):
    """At most `most` things: idle ones (newest first), lent ones, and slots whose thing is being made."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.idle: list[Thing] = []
        self.lent: list[Thing] = []
        self.closed = False
        # Counts interruptions: what was begun before one is not handed out after it.
        self.era = 0
        self._open = 0
        self._waiting: deque[_Waiter[Thing]] = deque()

    def take(self, wait: float) -> Thing | None:
        """A thing, or None: the right to make one. Raises `PoolTimeout` after `wait` seconds."""
        with self.lock:
            if self.closed:
                raise _closed()
            if self.idle:
                thing = self.idle.pop()
                self.lent.append(thing)
                return thing
            if self._open < self.most:
                self._open += 1
                return None
            waiter: _Waiter[Thing] = _Waiter()
            self._waiting.append(waiter)
        waiter.called.wait(wait)
        with self.lock:
            if waiter.refused is not None:
                raise waiter.refused
            if waiter.called.is_set():
                return waiter.given
            self._waiting.remove(waiter)
        raise PoolTimeout(
            f"all {self.most} connections stayed in use for {wait:.1f} s",
            fix="shorten transactions (no network calls inside them), or raise DB_POOL_MAX",
        )

    def made(self, thing: Thing, era: int) -> bool:
        """Lend what was made for a slot. False, the slot still held, when an interruption came between."""
        with self.lock:
            if era != self.era or self.closed:
                return False
            self.lent.append(thing)
            return True

    def give_back(self, thing: Thing) -> bool:
        """Take `thing` back, fit for the next. False, and its slot is free, when the pool is closed."""
        with self.lock:
            self.lent.remove(thing)
            if self.closed:
                self._open -= 1
                return False
            if self._waiting:
                self.lent.append(thing)
                self._call(self._waiting.popleft(), thing)
            else:
                self.idle.append(thing)
            return True

    def lose(self, thing: Thing) -> None:
        """Take `thing` back as unfit, and keep its slot for a successor (then `made` or `free`)."""
        with self.lock:
            self.lent.remove(thing)

    def free(self) -> None:
        """Give up a slot that has no thing: whoever waits longest may make one."""
        with self.lock:
            if self._waiting and not self.closed:
                self._call(self._waiting.popleft(), None)
            else:
                self._open -= 1

    def spare(self, worn: Callable[[Thing, bool], bool]) -> list[Thing]:
        """Remove the idle things that are `worn(thing, is it the newest)`; the caller ends them."""
        with self.lock:
            gone = [
                thing for place, thing in enumerate(self.idle) if worn(thing, place == len(self.idle) - 1)
            ]
            for thing in gone:
                self.idle.remove(thing)
            self._open -= len(gone)
            return gone

    def interrupt(self, mark: Callable[[Thing], None]) -> list[Thing]:
        """Turn away everyone who waits; mark and name what is lent."""
        with self.lock:
            self.era += 1
            self._refuse_all(Interrupted("the work was stopped while it waited for a connection"))
            for thing in self.lent:
                mark(thing)
            return list(self.lent)

    def close(self) -> list[Thing]:
        """Lend nothing any more; the caller ends what was idle."""
        with self.lock:
            self.closed = True
            self._refuse_all(_closed())
            gone, self.idle = self.idle, []
            self._open -= len(gone)
            return gone

    def _call(self, waiter: _Waiter[Thing], thing: Thing | None) -> None:
        waiter.given = thing
        waiter.called.set()

    def _refuse_all(self, why: OperatorError) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            waiter.refused = why
            waiter.called.set()


def _closed() -> OperatorError:
    return OperatorError(
        "the pool is closed", fix="call get_pool() again: it opens a new one", code="pool_closed"
    )
