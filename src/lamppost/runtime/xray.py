"""Spans as X-Ray segment documents, to the daemon that Lambda keeps beside a function.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

import re
import socket
from functools import cache
from typing import Any

from lamppost.observe.log import encode
from lamppost.observe.spans import Span
from lamppost.observe.trace import xray_id

HEADER = b'{"format": "json", "version": 1}\n'
# A document has 64 kB, and so has a datagram.
DOCUMENT_BYTES = 60_000
NAME_CHARACTERS = 200
_NOT_IN_A_NAME = re.compile(r"[^\w\s.:/%&#=+\\\-@]")


def send(spans: list[Span], daemon: str) -> None:
    """Send `spans` to the daemon at `host:port`, and wait for nothing. What does not go is lost."""
    try:
        host, _, port = daemon.rpartition(":")
        # On Lambda the variable may name both protocols: "tcp:host:port udp:host:port".
        address = (host.rpartition("udp:")[2] or host, int(port))
        for document in documents(spans):
            _door().sendto(HEADER + document, address)
    except (OSError, ValueError):
        return


def documents(spans: list[Span]) -> list[bytes]:
    """`spans` as documents: each with what is below it, or each span by itself when that is too much."""
    below: dict[str, list[Span]] = {}
    known = {span.id for span in spans}
    tops = []
    for span in spans:
        if span.parent in known:
            below.setdefault(span.parent, []).append(span)
        else:
            tops.append(span)
    made = []
    for top in tops:
        whole = encode(_alone(top, below)).encode()
        if len(whole) <= DOCUMENT_BYTES:
            made.append(whole)
        else:
            made += [encode(_alone(span, {})).encode() for span in _family(top, below)]
    return [document for document in made if len(document) <= DOCUMENT_BYTES]


def _family(top: Span, below: dict[str, list[Span]]) -> list[Span]:
    return [top, *(span for child in below.get(top.id, ()) for span in _family(child, below))]


def _alone(span: Span, below: dict[str, list[Span]]) -> dict[str, Any]:
    apart = {"type": "subsegment", "parent_id": span.parent} if span.parent else {}
    return {"trace_id": xray_id(span.trace_id), **apart, **_document(span, below)}


def _document(span: Span, below: dict[str, list[Span]]) -> dict[str, Any]:
    kept = {"kind": span.kind, **span.fields}
    name = _NOT_IN_A_NAME.sub("_", span.name)[:NAME_CHARACTERS]
    if name != span.name:
        kept["name"] = span.name
    if span.error:
        kept["error"] = span.error
    document: dict[str, Any] = {
        "name": name,
        "id": span.id,
        "start_time": span.begin / 1e9,
        "end_time": span.end / 1e9,
        "metadata": {"lamppost": kept},
    }
    if span.error:
        document["fault"] = True
    if "status" in span.fields:
        document["http"] = {"response": {"status": span.fields["status"]}}
    if span.kind in ("webhook", "queue"):
        document["namespace"] = "remote"
    if span.links:
        document["links"] = [{"trace_id": xray_id(link.trace_id), "id": link.span_id} for link in span.links]
    if span.id in below:
        document["subsegments"] = [_document(child, below) for child in below[span.id]]
    return document


@cache
def _door() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)
    return door
