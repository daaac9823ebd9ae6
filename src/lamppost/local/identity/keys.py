"""The issuer's keys: RSA of 2,048 bits, in a private file, made when the first is needed.

Tokens outlive a restart because the keys do. A rotated key signs no more, and stays published for as long
as any token of its may live.
"""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare.identity import LIFETIME_MAX
from lamppost.local.private_file import PrivateFile

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

BITS = 2048


class _Key(msgspec.Struct):
    """A private key as a JWK. `retired_at` is when it signed for the last time."""

    jwk: dict[str, Any]
    made_at: float
    retired_at: float | None = None


class _Kept(msgspec.Struct):
    """`seed` makes people's ids and clients' secrets: the same after a restart, unknown outside."""

    seed: str = ""
    keys: list[_Key] = []


class Keys:
    """The keys of one data folder.

    Everything here reads or writes a small file, and may take 0.1 s when it makes a key: call it off the
    event loop. `published` and `seed` are of the file as this process saw it last.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = PrivateFile(path, _Kept)
        self._clock = clock
        self._loaded: dict[str, RSAKey] = {}
        self.seed = b""
        self._signing: str | None = None

    def load(self) -> dict[str, "RSAKey"]:
        """The keys whose tokens hold, by id. Empty while nobody asked for a token."""
        return self._take(self._file.read())

    def signing(self) -> tuple[str, "RSAKey"]:
        """The id and the key that sign now; made when there is none."""
        if self._signing is None:
            self.load()
        if self._signing is None:
            with self._file.change() as kept:
                if not kept.keys:
                    kept.seed = kept.seed or secrets.token_hex(32)
                    kept.keys.append(self._make())
            self._take(kept)
        assert self._signing is not None
        return self._signing, self._loaded[self._signing]

    def rotate(self) -> str:
        """Sign with a new key from now on; its id. The old one's tokens hold for as long as they say."""
        with self._file.change() as kept:
            kept.seed = kept.seed or secrets.token_hex(32)
            now = self._clock()
            for key in kept.keys:
                key.retired_at = key.retired_at or now
            kept.keys = [*self._alive(kept), self._make()]
        self._take(kept)
        assert self._signing is not None
        return self._signing

    def published(self) -> list[dict[str, Any]]:
        """The public halves, as the JWKS has them."""
        return [key.as_dict(private=False) for key in self._loaded.values()]

    def _make(self) -> _Key:
        from joserfc.jwk import RSAKey

        # The id is the key's thumbprint (RFC 7638): no two systems have the same.
        key = RSAKey.generate_key(BITS, {"use": "sig", "alg": "RS256"}, private=True, auto_kid=True)
        return _Key(dict(key.as_dict(private=True)), self._clock())

    def _take(self, kept: _Kept) -> dict[str, "RSAKey"]:
        alive = self._alive(kept)
        if alive:
            from joserfc.jwk import RSAKey

            self._loaded = {
                key.jwk["kid"]: self._loaded.get(key.jwk["kid"]) or RSAKey.import_key(key.jwk)
                for key in alive
            }
            self._signing = next(key.jwk["kid"] for key in reversed(alive) if key.retired_at is None)
        self.seed = bytes.fromhex(kept.seed)
        return self._loaded

    def _alive(self, kept: _Kept) -> list[_Key]:
        oldest = self._clock() - LIFETIME_MAX.total_seconds()
        return [key for key in kept.keys if key.retired_at is None or key.retired_at > oldest]
