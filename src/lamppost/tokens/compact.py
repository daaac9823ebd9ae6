"""A compact JWS, taken apart without being believed.

Two readers of one token must not read two things (RFC 8725): one spelling of each part, no name twice, no
header that says how to verify, nothing that grows. What a signature says about it is the next question.
https://www.rfc-editor.org/rfc/rfc7515 https://www.rfc-editor.org/rfc/rfc8725
"""

import base64
import binascii
import json
import re
from typing import Any, NoReturn

import msgspec

from lamppost.errors import CallerError

# A request's whole head may have 10,240 bytes; a token of Cognito's has 1,000.
MAX_CHARS = 8 * 1024
# Objects and lists, the payload itself among them; one within the other or not.
MAX_CONTAINERS = 32
MAX_DIGITS = 18
# Keys by value or by address (jwk, jku, x5u, x5c), crit, b64, zip: whatever else a header may say is refused.
HEADERS = frozenset({"alg", "kid", "typ"})
# Cognito's tokens have no type; RFC 9068 has at+jwt.
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

_THREE_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Compact(msgspec.Struct, frozen=True):
    """A token's parts. `signed` are the bytes that `signature` is over."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header. Raises a 401 where there is none, or more than one."""
    if not authorization:
        raise CallerError(401, "unauthenticated", "this needs an access token")
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise invalid_token("the header is not: Authorization: Bearer TOKEN, once")
    return match[1]


def read(token: str, *, algorithm: str) -> Compact:
    """The parts of `token`, which says that it is signed with `algorithm`. Raises a 401."""
    if len(token) > MAX_CHARS:
        raise invalid_token(f"the token has more than {MAX_CHARS} characters")
    parts = _THREE_PARTS.fullmatch(token)
    if parts is None:
        raise invalid_token("the token is not three parts of base64url")
    header = _object(_decoded(parts[1]))
    if header.get("alg") != algorithm:
        raise invalid_token(f"the token is not signed with {algorithm}")
    if not header.keys() <= HEADERS:
        raise invalid_token("the token's header says more than alg, kid and typ")
    if not all(isinstance(said, str) for said in header.values()):
        raise invalid_token("the token's header holds what is not text")
    if header.get("typ", "jwt").lower() not in TYPES:
        raise invalid_token("the token is of another type")
    signed = token[: parts.end(2)].encode()
    return Compact(header, _object(_decoded(parts[2])), signed, _decoded(parts[3]))


def invalid_token(why: str) -> CallerError:
    """A 401 for a token that nobody may use."""
    return CallerError(401, "invalid_token", why)


def _decoded(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise invalid_token("the token is not base64url") from error
    # The last character's spare bits: were they free, one signature would have several spellings.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise invalid_token("the token is not base64url as it is written")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    if raw.count(b"{") + raw.count(b"[") > MAX_CONTAINERS:
        raise invalid_token("the token is nested too deep")
    try:
        text = raw.decode()
        value = json.loads(
            text, object_pairs_hook=_once, parse_int=_integer, parse_float=_number, parse_constant=_refuse
        )
    except ValueError as error:
        raise invalid_token("the token does not hold JSON") from error
    if not isinstance(value, dict):
        raise invalid_token("the token does not hold a JSON object")
    # Without an escape JSON can hold no control character, but for those beyond ASCII.
    if not (text.isascii() and "\\" not in text and "\x7f" not in text):
        _check_text(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid_token("the token says one name twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise invalid_token("the token holds a number too large")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise invalid_token("the token holds a number too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise invalid_token(f"{constant} is not JSON")


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if _CONTROL.search(value):
            raise invalid_token("the token holds a control character")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner)
