"""What lives for a minute, in memory: logins that were begun, and the codes they end with.

A restart forgets them; the person logs in once more.
"""

import secrets
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from lamppost.local.identity.minting import Login

T = TypeVar("T")
# "A maximum authorization code lifetime of 10 minutes is RECOMMENDED"; a browser needs a second.
CODE_SECONDS = 60.0
TICKET_SECONDS = 600.0
MOST = 1000


class Begun(msgspec.Struct, frozen=True):
    """A login that waits for a name: what the client asked for, and the browser it was asked in."""

    client: str
    redirect: str
    scope: str
    state: str
    nonce: str
    challenge: str
    browser: str


class Coded(msgspec.Struct, frozen=True):
    """What a code is exchanged for, and by whom."""

    login: Login
    redirect: str
    challenge: str


class Once(Generic[T]):
    """Values that are taken once, by an unguessable name, within `seconds`."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[str, tuple[float, T]] = {}

    def put(self, value: T) -> str:
        """Keep `value`; its name. The oldest goes when there are too many."""
        while len(self._kept) >= MOST:
            self._kept.pop(next(iter(self._kept)), None)
        name = secrets.token_urlsafe(32)
        self._kept[name] = (self._clock() + self._seconds, value)
        return name

    def take(self, name: str) -> T | None:
        """The value of this name, never to be had again; None when it is taken or too old."""
        until, value = self._kept.pop(name, (0.0, None))
        return value if until > self._clock() else None
