"""Spans as they are shown: read from segment documents, which anybody on this machine may have sent."""

from collections.abc import Iterator
from typing import Any

import msgspec

from lamppost.observe.trace import from_xray

# As deep as a document may be nested before it is no honest one.
_DEPTH = 100


class Seen(msgspec.Struct, frozen=True):
    """A span. Times are seconds since 1970; `links` are (trace id, span id) of what it works for besides.

    `kind`: request, invocation, function, message, sql, queue, webhook; `fields` are its kind's.
    """

    trace_id: str
    id: str
    parent: str
    name: str
    kind: str
    begin: float
    end: float
    error: str
    fields: dict[str, Any]
    links: tuple[tuple[str, str], ...]


class _Link(msgspec.Struct):
    trace_id: str
    id: str = ""


class _Document(msgspec.Struct):
    id: str
    name: str
    start_time: float
    end_time: float | None = None
    trace_id: str = ""
    parent_id: str = ""
    fault: bool = False
    metadata: dict[str, Any] = {}
    links: list[_Link] = []
    subsegments: list["_Document"] = []


_decoder = msgspec.json.Decoder(_Document)


def spans_in(text: str) -> list[Seen]:
    """The spans in a document; none in what is not one."""
    try:
        document = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return []
    place = from_xray(f"Root={document.trace_id}")
    return list(_flat(document, place.trace_id, document.parent_id, 0)) if place is not None else []


def _flat(document: _Document, trace_id: str, parent: str, depth: int) -> Iterator[Seen]:
    told = document.metadata.get("lamppost")
    fields = dict(told) if isinstance(told, dict) else {}
    links = [(place.trace_id, link.id) for link in document.links if (place := _place(link)) is not None]
    yield Seen(
        trace_id,
        document.id,
        parent,
        str(fields.pop("name", document.name)),
        str(fields.pop("kind", "")),
        document.start_time,
        document.end_time or document.start_time,
        str(fields.pop("error", "fault" if document.fault else "")),
        fields,
        tuple(links),
    )
    if depth < _DEPTH:
        for child in document.subsegments:
            yield from _flat(child, trace_id, document.id, depth + 1)


def _place(link: _Link) -> Any:
    return from_xray(f"Root={link.trace_id}")
