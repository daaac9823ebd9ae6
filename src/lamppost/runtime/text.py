"""Values that arrive as text, in a path or a query: read strictly, so that one value has one spelling."""

import re
from datetime import datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

import msgspec

_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
# NUL, which PostgreSQL does not store, and halves of surrogate pairs, which UTF-8 has no bytes for.
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


class Unreadable(Exception):
    """`text` is no value of its type; `code` and `what` go into the refusal."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


def read(given: str, kind: Any) -> Any:
    """`given` as a value of `kind`. Raises `Unreadable`."""
    if _NO_TEXT.search(given):
        raise Unreadable("invalid_text", "the text holds what is not a character")
    try:
        value = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Unreadable(_code(str(error)), str(error)) from error
    # msgspec takes 1e3 and 1.0 for integers, nan for a number, 1 for true and null for nothing.
    if value is None or (isinstance(value, bool) and given not in ("true", "false")):
        raise Unreadable("wrong_type", f"Expected `{'a value' if value is None else 'true or false'}`")
    if isinstance(value, int) and not isinstance(value, bool) and not _INTEGER.fullmatch(given):
        raise Unreadable("wrong_type", "Expected `int`, in plain digits")
    # And a number for the seconds since 1970, or of a duration.
    if isinstance(value, datetime | timedelta) and _NUMBER.fullmatch(given):
        raise Unreadable("wrong_type", "Expected ISO 8601, got a number")
    if isinstance(value, float) and not isfinite(value):
        raise Unreadable("wrong_type", "Expected `float`, and a finite one")
    return value


def query(raw: str, name: str) -> list[str]:
    """Every value that a raw query string gives `name`, in order. What is not UTF-8 stays unreadable."""
    pairs = parse_qsl(raw, keep_blank_values=True, errors="surrogateescape")
    return [value for known, value in pairs if known == name]


def _code(message: str) -> str:
    return "wrong_type" if message.startswith("Expected") and "got `" in message else "invalid_value"
