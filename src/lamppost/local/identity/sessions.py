"""Refresh tokens of the issuer: one line of succession per login, kept as hashes in a private file.

Each use makes a successor. Who comes with an earlier one has a copy of it, or is robbed: the line ends.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lamppost.local.identity.minting import Login
from lamppost.local.identity.wire import Refused
from lamppost.local.private_file import PrivateFile

LIFETIME = 30 * 86400.0
MOST = 1000


class _Line(msgspec.Struct):
    login: Login
    hash: str
    ends_at: float


class _Kept(msgspec.Struct):
    lines: dict[str, _Line] = {}


class Sessions:
    """The logins that can still be refreshed. Each call reads or writes a small file: off the loop."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = PrivateFile(path, _Kept)
        self._clock = clock

    def begin(self, login: Login) -> str:
        """A refresh token for `login`."""
        name, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        with self._file.change() as kept:
            kept.lines = {key: line for key, line in kept.lines.items() if line.ends_at > self._clock()}
            while len(kept.lines) >= MOST:
                del kept.lines[next(iter(kept.lines))]
            kept.lines[name] = _Line(login, _hash(secret), self._clock() + LIFETIME)
        return f"{name}.{secret}"

    def turn(self, token: str, client: str, scope: str) -> tuple[Login, str] | None:
        """The login of `token` and its successor. None when it holds no more; a used one ends its line.

        Raises `Refused`, and turns nothing, when `scope` holds more than the login gave.
        """
        name, _, secret = token.partition(".")
        with self._file.change() as kept:
            line = kept.lines.get(name)
            if line is None or line.login.client != client or line.ends_at <= self._clock():
                return None
            if not hmac.compare_digest(line.hash, _hash(secret)):
                del kept.lines[name]
                return None
            if not set(scope.split()) <= set(line.login.scope.split()):
                raise Refused("invalid_scope", "a refresh may ask for less, never for more")
            successor = secrets.token_urlsafe(32)
            line.hash = _hash(successor)
        return line.login, f"{name}.{successor}"

    def end(self, token: str) -> None:
        """End the line that `token` is of, whichever of its tokens it is."""
        with self._file.change() as kept:
            kept.lines.pop(token.partition(".")[0], None)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
