"""Signatures by Standard Webhooks, versions 1 and 1a (https://www.standardwebhooks.com).

The receiver gets `webhook-id`, `webhook-timestamp` and `webhook-signature` and can tell
that a message is ours, whole, and not an old one played again.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from lamppost.delivery import rotation
from lamppost.delivery.keys import HMAC, Key, invalid, read
from lamppost.errors import AuthorError

PREFIX = HMAC
TOLERANCE = timedelta(minutes=5)
# What a receiver looks at: room for dozens of keys.
_SIGNATURE_CHARS = 4096


class BadSignature(Exception):
    """The message is not from who it says, or is too old or too new."""


def keys(secret: str, *, now: datetime | None = None) -> tuple[Key, ...]:
    """The keys in `secret` that are valid at `now` (this moment, unless said), the newest first.

    All of them sign: receivers may still know the old one. A secret is `whsec_` and the base64 of 24
    to 64 bytes (also without the prefix), `whsk_` and that of an ed25519 key, several of these
    separated by spaces, or what `lamppost secrets rotate` made of it. To verify, `whpk_` will do.
    Raises `OperatorError` without a word of the secret in it.
    """
    return tuple(read(each.key) for each in rotation.valid(secret, now or datetime.now(UTC)))


def sign(signers: Sequence[Key], message_id: str, at: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,…` or `v1a,…` for each key. `at` is in seconds since 1970."""
    text = _text(message_id, at, body)
    return " ".join([_signature(key, text) for key in signers])


def headers(signers: Sequence[Key], message_id: str, at: int, body: bytes) -> tuple[tuple[str, str], ...]:
    """The three headers that go with `body`. `message_id` is the same on each attempt, `at` is not."""
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", str(at)),
        ("webhook-signature", sign(signers, message_id, at, body)),
    )


def verify(signers: Sequence[Key], received: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Check a message as its receiver would; `received` has lower-case names. Raises `BadSignature`."""
    message_id, at = received.get("webhook-id", ""), received.get("webhook-timestamp", "")
    given = received.get("webhook-signature", "")
    if not message_id or "." in message_id:
        raise BadSignature("webhook-id is missing, or holds a full stop")
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        raise BadSignature("webhook-timestamp is not a count of seconds")
    if abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds():
        raise BadSignature("webhook-timestamp is more than five minutes away")
    if len(given) > _SIGNATURE_CHARS:
        raise BadSignature("webhook-signature holds more than any sender has keys")
    text = _text(message_id, int(at), body)
    # No shortcut: every pair is compared, in constant time.
    if not sum(_fits(key, given.split(), text) for key in signers):
        raise BadSignature("no signature fits the body")


def _text(message_id: str, at: int, body: bytes) -> bytes:
    if "." in message_id:
        # "a.1" at 2 would sign the same bytes as "a" at 1 with a longer body.
        raise AuthorError(
            f"the message id {message_id!r} holds a full stop",
            fix="use letters, digits, - and _",
            code="webhook_id_invalid",
        )
    return b"%s.%d." % (message_id.encode(), at) + body


def _signature(key: Key, text: bytes) -> str:
    if isinstance(key, bytes):
        return "v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()
    from lamppost.delivery.ed25519 import Signer

    if not isinstance(key, Signer):
        raise invalid("a public key cannot sign")
    return "v1a," + base64.b64encode(key.sign(text)).decode()


def _fits(key: Key, given: Sequence[str], text: bytes) -> int:
    if isinstance(key, bytes):
        mine = _signature(key, text).encode()
        return sum(hmac.compare_digest(mine, theirs.encode()) for theirs in given)
    return sum(key.fits(_bytes(theirs), text) for theirs in given if theirs.startswith("v1a,"))


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.removeprefix("v1a,"), validate=True)
    except (binascii.Error, ValueError):
        return b""
