"""A signing secret over time: one key, several, or several of which some end on a date.

Stored, it is keys separated by spaces, or, once rotated,
`{"keys": [{"key": "whsec_…"}, {"key": "whsec_…", "until": "2026-11-28T09:00:00Z"}]}`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from lamppost.delivery import keys
from lamppost.errors import OperatorError

GRACE = timedelta(days=1)
LONGEST_GRACE = timedelta(days=30)
# Each key adds a signature to each message, and receivers bound their headers.
MOST = 6


class Dated(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as text, and the instant from which it no longer signs."""

    key: str
    until: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Whether it still signs."""
        return self.until is None or now < self.until


class _Stored(msgspec.Struct, frozen=True):
    keys: tuple[Dated, ...]


def valid(secret: str, now: datetime) -> tuple[Dated, ...]:
    """The keys of `secret` that sign at `now`, the newest first; none is an `OperatorError`."""
    found = tuple(each for each in _parsed(secret) if each.valid(now))
    if not found:
        raise keys.invalid("the signing secret is empty, or the time of its keys is over")
    return found


def rotate(secret: str, *, now: datetime, grace: timedelta = GRACE) -> str:
    """The secret with a new key of the same kind before its others, whose time ends after `grace`.

    Until then each message carries a signature of both, so receivers change over when they like. A
    grace of nothing drops the others at once: for a key that leaked. What had already ended is dropped.
    """
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise OperatorError(
            f"a grace of {grace} is out of bounds",
            fix=f"give receivers between no time and {LONGEST_GRACE.days} days",
            code="signing_grace_invalid",
        )
    old = valid(secret, now)
    for each in old:
        if isinstance(keys.read(each.key), bytes) or each.key.startswith(keys.PRIVATE):
            continue
        raise keys.invalid("a public key cannot sign, so there is nothing to rotate")
    kept = tuple(_ending(each, now + grace) for each in old) if grace else ()
    if len(kept) >= MOST:
        raise OperatorError(
            f"{len(kept)} keys sign already",
            fix="wait until the grace of one ends, or rotate with a grace of 0s",
            code="signing_keys_too_many",
        )
    return msgspec.json.encode(_Stored((Dated(keys.new(old[0].key)), *kept))).decode()


def _ending(key: Dated, end: datetime) -> Dated:
    # Rotating twice must not give a key more time than it was promised to end after.
    return Dated(key.key, end if key.until is None else min(key.until, end))


def _parsed(secret: str) -> Sequence[Dated]:
    if not secret.lstrip().startswith("{"):
        return tuple(Dated(text) for text in secret.split())
    try:
        stored = msgspec.json.decode(secret, type=_Stored).keys
    except msgspec.ValidationError as error:
        raise keys.invalid("the secret is JSON, but not that of signing keys") from error
    except msgspec.DecodeError as error:
        raise keys.invalid("the signing secret is not base64") from error
    return tuple(_aware(each) for each in stored)


def _aware(key: Dated) -> Dated:
    if key.until is None or key.until.tzinfo is not None:
        return key
    return Dated(key.key, key.until.replace(tzinfo=UTC))
