"""Signing keys as text: `whsec_` for HMAC, `whsk_` and `whpk_` for ed25519 (Standard Webhooks)."""

import base64
import binascii
import secrets
from collections.abc import Container
from typing import TYPE_CHECKING, TypeAlias

from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.delivery.ed25519 import Signer, Verifier

# An HMAC key is its bytes.
Key: TypeAlias = "bytes | Signer | Verifier"

HMAC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
FIX = 'store "whsec_" and the base64 of 24 to 64 random bytes, or "whsk_" and that of an ed25519 key'


def read(text: str) -> Key:
    """The key that `text` stands for; without a prefix it is HMAC's.

    Raises `OperatorError` without a word of the key in it.
    """
    prefix = next((each for each in (HMAC, PRIVATE, PUBLIC) if text.startswith(each)), HMAC)
    raw = _raw(text.removeprefix(prefix))
    if prefix == HMAC:
        return _sized(raw, range(24, 65))
    from lamppost.delivery.ed25519 import Signer, Verifier

    return Signer(_sized(raw, (32, 64))) if prefix == PRIVATE else Verifier(_sized(raw, (32,)))


def new(like: str = HMAC) -> str:
    """A new random key of the kind that `like`, a key or a prefix, is of."""
    if like.startswith(PRIVATE):
        from lamppost.delivery import ed25519

        return ed25519.generate()
    return HMAC + base64.b64encode(secrets.token_bytes(32)).decode()


def public(text: str) -> str | None:
    """What receivers check with, when that is another key than the one that signs: `whpk_…`."""
    key = read(text)
    return None if isinstance(key, bytes) else key.public


def invalid(what: str) -> OperatorError:
    """The error of a secret that cannot sign."""
    return OperatorError(what, fix=FIX, code="signing_secret_invalid")


def _raw(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("the signing secret is not base64") from error


def _sized(raw: bytes, sizes: Container[int]) -> bytes:
    if len(raw) not in sizes:
        raise invalid(f"the signing secret holds {len(raw)} bytes")
    return raw
