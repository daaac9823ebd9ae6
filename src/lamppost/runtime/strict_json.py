"""Where in a JSON document something is wrong that its decoder passes over, or names no place for.

Read only once a document is refused: it walks it with the standard library's parser, whose
import a cold start need not pay. The document nests no deeper than `body.MAX_DEPTH`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

_HALF = re.compile("[\ud800-\udfff]")


class _Object(list[tuple[str, Any]]):
    """An object's names and values, as they were sent."""


def repeated(raw: bytes) -> str:
    """The path of the first name that stands twice in one object; "" when none does."""
    seen: set[str] = set()
    for path, value in _walk(_load(raw), ""):
        if isinstance(value, _Object):
            seen.clear()
            for name, _ in value:
                if name in seen:
                    return _below(path, name)
                seen.add(name)
    return ""


def half_pair(raw: bytes) -> str | None:
    """The path of a text with half of a surrogate pair; None when it has none, or is no JSON besides."""
    try:
        document = _load(raw)
    except ValueError:
        return None
    for path, value in _walk(document, ""):
        texts = [name for name, _ in value] if isinstance(value, _Object) else [value]
        if any(isinstance(text, str) and _HALF.search(text) for text in texts):
            return path
    return None


def _load(raw: bytes) -> Any:
    # Numbers are of no interest here, and some are too long to be made.
    return json.loads(
        raw.decode(), object_pairs_hook=_Object, parse_int=float, parse_float=float, parse_constant=_refuse
    )


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, _Object):
        for name, inner in value:
            yield from _walk(inner, _below(path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{index}]")


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
