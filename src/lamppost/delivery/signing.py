"""Signatures by Standard Webhooks, version 1 (https://www.standardwebhooks.com).

The receiver gets `webhook-id`, `webhook-timestamp` and `webhook-signature` and can tell
that a message is ours, whole, and not an old one played again.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from lamppost.errors import OperatorError

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)


class BadSignature(Exception):
    """The message is not from who it says, or is too old or too new."""


def keys(secret: str) -> tuple[bytes, ...]:
    """The signing keys in `secret`: base64 of 24 to 64 bytes, with or without `whsec_` before it.

    Several, separated by spaces, all sign: the new one first while receivers still know the old.
    Raises `OperatorError` without a word of the secret in it.
    """
    found = tuple(_key(text) for text in secret.split())
    if not found:
        raise OperatorError("the signing secret is empty", fix=_FIX, code="signing_secret_invalid")
    return found


_FIX = 'store "whsec_" and the base64 of 24 to 64 random bytes'


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise OperatorError(
            "the signing secret is not base64", fix=_FIX, code="signing_secret_invalid"
        ) from error
    if not 24 <= len(key) <= 64:
        raise OperatorError(
            f"the signing secret holds {len(key)} bytes", fix=_FIX, code="signing_secret_invalid"
        )
    return key


def sign(signers: Sequence[bytes], message_id: str, at: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,…` for each key. `at` is in seconds since 1970."""
    text = b"%s.%d." % (message_id.encode(), at) + body
    return " ".join("v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode() for key in signers)


def headers(signers: Sequence[bytes], message_id: str, at: int, body: bytes) -> tuple[tuple[str, str], ...]:
    """The three headers that go with `body`. `message_id` is the same on each attempt, `at` is not."""
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", sign(signers, message_id, at, body)),
    )


def verify(signers: Sequence[bytes], received: dict[str, str], body: bytes, *, now: datetime) -> None:
    """Check a message as its receiver would; `received` has lower-case names. Raises `BadSignature`."""
    message_id, at = received.get("webhook-id", ""), received.get("webhook-timestamp", "")
    if not message_id:
        raise BadSignature("webhook-id is missing")
    if not (at.isascii() and at.isdigit()):
        raise BadSignature("webhook-timestamp is not a count of seconds")
    if abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds():
        raise BadSignature("webhook-timestamp is more than five minutes away")
    good = sign(signers, message_id, int(at), body).split()
    given = [each for each in received.get("webhook-signature", "").split() if each.startswith("v1,")]
    # No shortcut: each pair is compared, in constant time.
    matches = [hmac.compare_digest(mine.encode(), theirs.encode()) for mine in good for theirs in given]
    if not any(matches):
        raise BadSignature("no signature fits the body")
