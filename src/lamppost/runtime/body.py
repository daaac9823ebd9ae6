"""The JSON body of a request: decoded, checked, or refused with the reason and the place."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lamppost.errors import CallerError, FieldError

MAX_DEPTH = 32
# The caller's own words in a refusal end here: a name of megabytes must not come back three times.
SHOWN = 120

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$?\.?(?P<path>.*?)`)?$", re.DOTALL)
_NAMED = re.compile(r"(?:field|Object contains unknown field) `(?P<field>.*)`", re.DOTALL)
# A string without an end reaches to the body's end: looking for its end again from each quote
# within would take the square of its length.
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def read(event: dict[str, Any], kind: Any) -> Any:
    """The body of an HTTP API event (payload 2.0) as `kind`.

    Raises `CallerError`: 400 invalid_json, invalid_utf8, too_deep, duplicate_key, invalid_base64;
    415 unsupported_media_type, unsupported_encoding; 422 with the field's path.
    """
    headers = event.get("headers") or {}
    raw = raw_of(event)
    if not raw:
        raise CallerError(400, "invalid_json", "the request has no body; a JSON object is expected")
    _check_headers(headers)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(raw)
    try:
        value = msgspec.json.decode(raw, type=kind)
    except UnicodeDecodeError as error:
        raise CallerError(400, "invalid_utf8", "the body is not UTF-8") from error
    except msgspec.ValidationError as error:
        raise _refusal(str(error), raw) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(raw, error) from error
    _check_names(raw)
    if b"\\u0000" in raw:
        _check_nul(msgspec.to_builtins(value), "")
    return value


def check_size(event: Mapping[str, Any], most: int) -> None:
    """Raise a 413 for a body of more than `most` bytes."""
    size = len(raw_of(event))
    if size > most:
        raise CallerError(413, "body_too_large", f"the body has {size} bytes; here {most} are taken")


def _check_names(raw: bytes) -> None:
    """Refuse a name that stands twice in one object: two readers may each take another of the two.

    A document has a colon per name, and more only in its texts; its decoded form has each name once.
    """
    try:
        names = _keys(msgspec.json.decode(raw))
    except msgspec.DecodeError:
        return  # a number that only its declared type can hold
    if raw.count(b":") == names or _STRINGS.sub(b"", raw).count(b":") == names:
        return
    from lamppost.runtime import strict_json

    path, message = _shown(strict_json.repeated(raw)), "the name stands twice in one object"
    raise CallerError(
        400, "duplicate_key", f"{path}: {message}", errors=(FieldError(path, "duplicate_key", message),)
    )


def _keys(value: Any) -> int:
    """How many names stand in the objects of `value`, which nests no deeper than MAX_DEPTH."""
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    if isinstance(value, list):
        return sum(map(_keys, value))
    return 0


def _not_json(raw: bytes, error: Exception) -> CallerError:
    if b"\\u" in raw:
        from lamppost.runtime import strict_json

        path = strict_json.half_pair(raw)
        if path is not None:
            return _bad_text(path, "half of a surrogate pair")
    return CallerError(400, "invalid_json", f"the body is not JSON: {error}")


def raw_of(event: Mapping[str, Any]) -> bytes:
    """The body's bytes. Raises `CallerError`: 400 invalid_base64."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CallerError(400, "invalid_base64", "the body is marked as base64 and is not") from error


def _check_headers(headers: dict[str, str]) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise CallerError(
            415, "unsupported_encoding", f"content-encoding {encoding} is not accepted; send plain JSON"
        )
    media, _, rest = headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise CallerError(415, "unsupported_media_type", "send content-type: application/json")
    for part in rest.split(";"):
        name, _, value = part.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise CallerError(415, "unsupported_media_type", "JSON is sent in UTF-8")


def _check_depth(raw: bytes) -> None:
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", raw)):
        if bracket[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise CallerError(400, "too_deep", f"the body nests deeper than {MAX_DEPTH} levels")
        else:
            depth -= 1


def _refusal(message: str, raw: bytes) -> CallerError:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return CallerError(400, "invalid_utf8", "the body is not UTF-8")
    return refusal(message)


def refusal(message: str) -> CallerError:
    """The 422 for one of msgspec's validation messages ("Expected `int`, got `str` - at `$.age`")."""
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    named = _NAMED.search(what)
    if named is not None:
        path = f"{path}.{named['field']}" if path else named["field"]
    code = _code(what, path)
    path, what = _shown(path), _shown(what)
    return CallerError(422, code, f"{path or 'body'}: {what}", errors=(FieldError(path, code, what),))


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _code(what: str, path: str) -> str:
    if what.startswith("Object contains unknown field"):
        return "unknown_field"
    if what.startswith("Object missing required") or (path and "got `null`" in what):
        return "required"
    if what.startswith("Expected") and "got `" in what:
        return "wrong_type"
    return "invalid_value"


def _check_nul(value: Any, path: str) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise _bad_text(path, "a NUL character")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_nul(key, path)
            _check_nul(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_nul(inner, f"{path}[{index}]")


def _bad_text(path: str, what: str) -> CallerError:
    message = f"the text holds {what}"
    return CallerError(
        422,
        "invalid_text",
        f"{_shown(path) or 'body'}: {message}",
        errors=(FieldError(_shown(path), "invalid_text", message),),
    )
