"""Cursors: where the next page of a list begins, in the caller's hands and sealed.

A page begins behind the last row that was seen (keyset), not after a number of rows: what is inserted or
deleted meanwhile moves nothing. The seal binds the position to the list it is of, its tenant and filters
among it; whoever changes a cursor, or brings it to another list, is refused.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, TypeVar

import msgspec

from lamppost.errors import CallerError

Position = TypeVar("Position")

_SEAL = 16
_LONGEST = 1024


def seal(key: str, of: tuple[object, ...], position: object) -> str:
    """The cursor of `position` (what msgspec can write) in the list that `of` names. `key` is a secret."""
    told = msgspec.msgpack.encode(position)
    return base64.urlsafe_b64encode(_mark(key, of, told) + told).rstrip(b"=").decode()


def unseal(key: str, of: tuple[object, ...], cursor: str, kind: type[Position] | Any) -> Position:
    """The position that `cursor` holds. Raises `CallerError`: 400 cursor_invalid, for any but our own."""
    if len(cursor) > _LONGEST:
        raise _refusal()
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _refusal() from error
    mark, told = raw[:_SEAL], raw[_SEAL:]
    # Spelled another way (the last character's spare bits) it would be a second cursor for one position.
    spelled = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if not hmac.compare_digest(mark, _mark(key, of, told)) or spelled != cursor:
        raise _refusal()
    position: Position = msgspec.msgpack.decode(told, type=kind)
    return position


def _mark(key: str, of: tuple[object, ...], told: bytes) -> bytes:
    # MessagePack writes lengths: no two lists and positions read the same.
    return hmac.digest(key.encode(), msgspec.msgpack.encode((of, told)), hashlib.sha256)[:_SEAL]


def _refusal() -> CallerError:
    return CallerError(400, "cursor_invalid", "this cursor is of another list, or is none: begin without one")
