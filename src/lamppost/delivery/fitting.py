"""Which key a Standard Webhooks signature fits: the receiver's half of signing.

Version v1 is an HMAC under a secret that both sides have. Version v1a is ed25519: the receiver has the public
half, and nobody can sign with what the receiver might lose.
https://www.standardwebhooks.com
"""

import base64
import binascii
import hmac
from typing import Protocol

from lamppost.errors import OperatorError

SHARED, PUBLIC, PRIVATE = "whsec_", "whpk_", "whsk_"
# A sender that is replacing its key signs with two. Each v1a costs a tenth of a millisecond to look at.
SIGNATURES_MAX = 16
_ED25519_BYTES = 32


class Key(Protocol):
    """One key of a receiver. `version` is that of the signatures it can judge."""

    version: str

    def fits(self, signature: bytes, signed: bytes) -> bool:
        """Whether `signature` was made over `signed` by who has the other half."""
        ...


class Shared:
    """A secret that sender and receiver have both."""

    version = "v1"

    def __init__(self, key: bytes) -> None:
        self._key = key

    def fits(self, signature: bytes, signed: bytes) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(hmac.digest(self._key, signed, "sha256"), signature)


class Public:
    """The public half of an ed25519 key."""

    version = "v1a"

    def __init__(self, key: bytes) -> None:
        self._key = key

    def fits(self, signature: bytes, signed: bytes) -> bool:
        """Everything it compares is public."""
        # Not among the platform's dependencies, and no receiver of v1 needs it.
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self._key).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


def keys(secret: str) -> tuple[Key, ...]:
    """The keys in `secret`: `whsec_` (or nothing) and base64 of 24 to 64 bytes, `whpk_` and base64 of 32.

    Several stand side by side, separated by spaces, while the sender goes from one to the other.
    Raises `OperatorError` (signing_secret_invalid) without a word of the secret in it.
    """
    found = tuple(_key(text) for text in secret.split())
    if not found:
        raise _unfit("the signing secret is empty")
    return found


def _key(text: str) -> Key:
    if text.startswith(PRIVATE):
        raise _unfit("the signing secret is the sender's private key")
    public = text.startswith(PUBLIC)
    try:
        key = base64.b64decode(text.removeprefix(PUBLIC if public else SHARED), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unfit("the signing secret is not base64") from error
    if public and len(key) == _ED25519_BYTES:
        return Public(key)
    if not public and 24 <= len(key) <= 64:
        return Shared(key)
    raise _unfit(f"the signing secret holds {len(key)} bytes")


def _unfit(what: str) -> OperatorError:
    fix = 'store what the sender shows: "whsec_" and the base64 of 24 to 64 bytes, or "whpk_" and that of 32'
    return OperatorError(what, fix=fix, code="signing_secret_invalid")


def fitting(keys: tuple[Key, ...], signatures: str, signed: bytes) -> int | None:
    """The place in `keys` of the first that a signature fits; None when none does.

    Each signature is held against each key of its version, whatever the ones before said.
    """
    given = [_signature(each) for each in signatures.split()[:SIGNATURES_MAX]]
    fit = None
    for place, key in enumerate(keys):
        fits = [key.fits(signature, signed) for version, signature in given if version == key.version]
        if True in fits and fit is None:
            fit = place
    return fit


def _signature(text: str) -> tuple[str, bytes]:
    version, _, encoded = text.partition(",")
    try:
        return version, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return "", b""
