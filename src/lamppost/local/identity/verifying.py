"""Whether an access token is this system's: signature, issuer, shape and times.

Strict as RFC 8725 has it. The algorithm and the keys are ours, never the token's to choose; nothing a
token names is fetched. What was verified is remembered for a minute, by the token's hash.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lamppost.declare.identity import LIFETIME_MAX
from lamppost.local.identity.keys import Keys
from lamppost.tokens import access, compact

ALGORITHM = "RS256"
# One machine has one clock; it may have been set back a little.
LEEWAY = 10.0
REMEMBERED = 1024
REMEMBERED_FOR = 60.0


class Verified(msgspec.Struct, frozen=True):
    """A token that holds. `texts` are its claims as API Gateway hands them on: all of them text."""

    claims: dict[str, Any]
    texts: dict[str, str]
    scopes: frozenset[str]
    until: float


class Verifier:
    """Verifies the tokens of one issuer."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock
        self._remembered: dict[bytes, Verified] = {}
        self._known: Mapping[str, Any] = {}
        self.issuer = ""

    async def verify(self, token: str) -> Verified:
        """What an access token of this issuer says. Raises `CallerError` 401 for any other."""
        now = self._clock()
        mark = hashlib.sha256(token.encode()).digest()
        found = self._remembered.get(mark)
        if found is None or found.until <= now:
            parts = compact.read(token, algorithm=ALGORITHM)
            access.check(parts.claims, lifetime=LIFETIME_MAX.total_seconds())
            await self._check_signature(token, parts)
            if parts.claims["iss"] != self.issuer:
                raise compact.invalid_token("the token is another issuer's")
            found = _verified(parts.claims, now + REMEMBERED_FOR)
            self._remember(mark, found)
        access.check_now(found.claims, now=now, leeway=LEEWAY)
        return found

    async def _check_signature(self, token: str, parts: compact.Compact) -> None:
        kid = parts.header.get("kid", "")
        if kid not in self._known:
            # The file tells whether there is such a key. The library comes with the first one.
            self._known = await asyncio.to_thread(self._keys.load)
        key = self._known.get(kid)
        if key is None:
            raise compact.invalid_token("the token is signed with a key of nobody here")
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            jws.deserialize_compact(token, key, algorithms=[ALGORITHM])
        except (JoseError, ValueError) as error:
            raise compact.invalid_token("the token's signature is not its issuer's") from error

    def _remember(self, mark: bytes, found: Verified) -> None:
        self._remembered.pop(mark, None)
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[mark] = found


def _verified(claims: dict[str, Any], until: float) -> Verified:
    texts = {name: _text(said) for name, said in claims.items()}
    return Verified(claims, texts, frozenset(claims.get("scope", "").split()), until)


def _text(said: object) -> str:
    """A claim as API Gateway writes it: a list is `[a b]`, an object Go's `map[name:value]`."""
    match said:
        case str():
            return said
        case list():
            return f"[{' '.join(map(_text, said))}]"
        case dict():
            return f"map[{' '.join(f'{name}:{_text(inner)}' for name, inner in sorted(said.items()))}]"
    return msgspec.json.encode(said).decode()
