"""Secrets and parameters by their physical names, cached with an expiry.

First the extension beside the function, then one signed request. A value that was not there
is never remembered, and no value is ever written to a log or an exception.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from lamppost.errors import SettingMissing
from lamppost.settings import aws, extension

SECRET_SECONDS = 300
PARAMETER_SECONDS = 60
# Threads that were refused with the same value share one read past the caches.
SHARED_SECONDS = 1.0


class _Kept(NamedTuple):
    value: str
    ticks: float
    clock: float
    past_caches: bool

    def age(self) -> float:
        """Seconds since the value was read.

        A frozen sandbox's monotonic clock may stand still, and a wall clock may be set back:
        the older of the two is believed.
        """
        return max(time.monotonic() - self.ticks, time.time() - self.clock)


class _Shelf:
    """The values of one kind. One thread reads a name while others who want it wait."""

    def __init__(
        self, quick: Callable[[str], str | None], sure: Callable[[str], str], keep: Callable[[], float]
    ):
        self._quick = quick
        self._sure = sure
        self._keep = keep
        self.clear()

    def clear(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._reading: dict[str, threading.Lock] = {}

    def forget(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)
            # A read that is under way belongs to the past: it finds another lock here, and is not kept.
            self._reading.pop(name, None)

    def get(self, name: str, *, fresh: bool, refused: str | None) -> str:
        if not fresh and refused is None and (value := self._known(name)) is not None:
            return value
        with self._lock:
            turn = self._reading.setdefault(name, threading.Lock())
        with turn:
            if refused is not None:
                kept = self._kept.get(name)
                if kept and (kept.value != refused or (kept.past_caches and kept.age() < SHARED_SECONDS)):
                    return kept.value
            elif not fresh and (value := self._known(name)) is not None:
                return value
            return self._read(name, turn, past_caches=fresh or refused is not None)

    def _known(self, name: str) -> str | None:
        kept = self._kept.get(name)
        return kept.value if kept and kept.age() < self._keep() else None

    def _read(self, name: str, turn: threading.Lock, *, past_caches: bool) -> str:
        ticks, clock = time.monotonic(), time.time()
        value = None if past_caches else self._quick(name)
        if value is None:
            value = self._sure(name)
        with self._lock:
            if self._reading.get(name) is turn:
                self._kept[name] = _Kept(value, ticks, clock, past_caches)
        return value


def _near_parameter(name: str) -> str | None:
    # The extension's cache and ours add up; where they could pass a minute, the extension is not asked.
    return extension.parameter(name) if extension.keeps_parameters() < PARAMETER_SECONDS else None


def _pending(name: str) -> str:
    try:
        return aws.secret(name, label="AWSPENDING")
    except SettingMissing:
        return ""


def _parameter_seconds() -> float:
    if extension.port() is None or extension.keeps_parameters() >= PARAMETER_SECONDS:
        return PARAMETER_SECONDS
    return PARAMETER_SECONDS - extension.keeps_parameters()


_secrets = _Shelf(extension.secret, aws.secret, lambda: SECRET_SECONDS)
_successors = _Shelf(lambda _: None, _pending, lambda: SHARED_SECONDS)
_parameters = _Shelf(_near_parameter, aws.parameter, _parameter_seconds)


def secret(name: str, *, fresh: bool = False, refused: str | None = None) -> str:
    """The text of the secret with this physical name or ARN, at most five minutes old.

    With the extension, its own SECRETS_MANAGER_TTL comes on top. `fresh=True` goes past every
    cache, the extension's too (it cannot be told to read again, so the request is signed here).
    `refused=value` asks for a successor of a value that did not work: threads that were refused
    together share one read.
    Raises `SettingMissing` when unset, `OperatorError` when it may not or cannot be read.
    """
    return _secrets.get(name, fresh=fresh, refused=refused)


def successor(name: str, *, fresh: bool = False) -> str | None:
    """The text a rotation of this secret has prepared and not yet put in its place; None between rotations.

    A rotation changes the password on the server first, and for some seconds only this version opens it.
    It is remembered for a second, unless `fresh=True`.
    """
    return _successors.get(name, fresh=fresh, refused=None) or None


def parameter(name: str, *, fresh: bool = False) -> str:
    """The value of the parameter with this physical name, decrypted, at most 60 s old.

    The extension is asked only where SSM_PARAMETER_STORE_TTL keeps that promise (its default of
    300 s does not). Raises as `secret` does.
    """
    return _parameters.get(name, fresh=fresh, refused=None)


def forget(name: str | None = None) -> None:
    """Read this setting anew at its next use; without a name, all of them."""
    for shelf in (_secrets, _successors, _parameters):
        if name is None:
            shelf.clear()
        else:
            shelf.forget(name)


# A fork copies locks that other threads hold. The child starts with none, and reads for itself.
os.register_at_fork(after_in_child=forget)
