"""Where in a trace this process works: read from whoever called, told to whoever is called.

Two notations of one thing: W3C's `traceparent`, which the world speaks, and X-Ray's header, which AWS
speaks. What a caller writes is believed only when it is exact, and never raises.
https://www.w3.org/TR/trace-context/
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lamppost.observe.log import ambient

if TYPE_CHECKING:
    from lamppost.observe.spans import Recording, Span

LAMBDA = "_X_AMZN_TRACE_ID"
PARENT = "traceparent"
STATE = "tracestate"

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})", re.ASCII)
_SPAN = re.compile(r"[0-9a-f]{16}", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
# Longer than any honest header: those of later versions may grow.
_LONGEST = 512


class Place(NamedTuple):
    """A place in a trace: ids in lower-case hex, 32 and 16 digits; `span_id` is empty where it is unknown.

    `sampled`: whoever came before records this trace. `state` is the `tracestate` that goes along.
    """

    trace_id: str
    span_id: str = ""
    sampled: bool = False
    state: str = ""

    @property
    def traceparent(self) -> str:
        """`00-…-…-01`, for whoever is called next."""
        return f"00-{self.trace_id}-{self.span_id or new_span_id()}-{'01' if self.sampled else '00'}"

    @property
    def xray(self) -> str:
        """`Root=1-…-…;Parent=…;Sampled=1`."""
        parent = f";Parent={self.span_id}" if self.span_id else ""
        return f"Root={xray_id(self.trace_id)}{parent};Sampled={int(self.sampled)}"


# A sandbox serves one invocation at a time, so a process-wide place is enough. `recording` is None
# where nobody wants spans: that is all the cost they have there.
here: Place | None = None
recording: "Recording | None" = None


def new_trace_id() -> str:
    """A trace id that begins with the time, as X-Ray asks."""
    return f"{int(time.time()):08x}{os.urandom(12).hex()}"


def new_span_id() -> str:
    """A span id."""
    return os.urandom(8).hex()


def xray_id(trace_id: str) -> str:
    """`trace_id` as X-Ray writes it."""
    return f"1-{trace_id[:8]}-{trace_id[8:]}"


def read_id(text: str) -> str | None:
    """The trace id in what a person pasted: an id in either notation, or a whole header."""
    text = text.strip()
    place = from_traceparent(text) or from_xray(text) or from_xray(f"Root={text}")
    if place is not None:
        return place.trace_id
    return text if len(text) == 32 and from_traceparent(f"00-{text}-{'1' * 16}-00") else None


def from_traceparent(text: object) -> Place | None:
    """The place in a `traceparent`, or None for what the Recommendation does not allow."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    match = _PARENT.fullmatch(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return Place(trace_id, span_id, bool(int(flags, 16) & 1))


def from_xray(text: object) -> Place | None:
    """The place in an `X-Amzn-Trace-Id` or `_X_AMZN_TRACE_ID`, or None when it holds no root."""
    return _from_xray(text) if isinstance(text, str) and len(text) <= _LONGEST else None


# An invocation reads the same header up to three times.
@lru_cache(maxsize=4)
def _from_xray(text: str) -> Place | None:
    said: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        said.setdefault(name.strip(), value.strip())
    root = _ROOT.fullmatch(said.get("Root", ""))
    if root is None or root[1] + root[2] == _NO_TRACE:
        return None
    span_id = said.get("Parent", "")
    if not _SPAN.fullmatch(span_id) or span_id == _NO_SPAN:
        span_id = ""
    return Place(root[1] + root[2], span_id, said.get("Sampled") == "1")


def sampled(lambdas: str | None) -> bool:
    """Whether Lambda traces this invocation ("active tracing"), by what `_X_AMZN_TRACE_ID` says."""
    told = from_xray(lambdas)
    return told is not None and told.sampled


def arrive(lambdas: str | None, event: object) -> Place:
    """The place of an invocation, and from now on of this process.

    `lambdas` is what Lambda says (`_X_AMZN_TRACE_ID`). While it samples, its trace is the one people see
    in X-Ray, and it stands; else the caller's `traceparent` does. Messages go on with the trace of whoever
    sent them, when that was one.
    """
    global here
    told = from_xray(lambdas)
    sent = brought(event)
    if sent is not None and (told is None or not told.sampled or _is_messages(event)):
        between = told is not None and told.trace_id == sent.trace_id and told.span_id
        # Lambda's own span of this very trace stands between the sender and us.
        here = sent._replace(
            sampled=sent.sampled or (told is not None and told.sampled), span_id=between or sent.span_id
        )
    elif told is not None:
        state = sent.state if sent is not None and sent.trace_id == told.trace_id else ""
        here = told._replace(state=state)
    else:
        here = Place(new_trace_id())
    return here


def senders(event: object) -> list[Place | None]:
    """The place each message of an SQS event was sent from; None for one that does not tell."""
    records = event.get("Records") if isinstance(event, dict) else None
    return [sender(record) for record in records] if isinstance(records, list) else []


def headers(place: Place | None = None) -> list[tuple[str, str]]:
    """The headers for a request that leaves from `place`, or from where we are; none before that is known."""
    place = place or now()
    if place is None:
        return []
    return [(PARENT, place.traceparent), *([(STATE, place.state)] if place.state else [])]


def span(name: str, kind: str = "", **fields: Any) -> "AbstractContextManager[Span | None]":
    """Time a block as a span of the trace; None where nothing is recorded. `fields` are for operators.

    What raises marks the span as failed by the error's type alone: messages may hold values.
    """
    return nullcontext() if recording is None else recording.span(name, kind, fields)


@contextmanager
def handling(place: Place | None) -> Iterator[None]:
    """A block that works on the message which came from `place`: it goes on with that message's trace."""
    global here
    if place is None or here is None:
        yield
        return
    # In the batch's own trace it is a part of the batch; else it goes on below its sender.
    apart = place if place.trace_id != here.trace_id else None
    before, here = here, place._replace(sampled=here.sampled or place.sampled)
    ambient(trace_id=here.trace_id)
    try:
        with nullcontext() if recording is None else recording.span("message", "message", {}, of=apart):
            yield
    finally:
        here = before
        ambient(trace_id=before.trace_id)


def now() -> Place | None:
    """Where this thread is; None before the first invocation."""
    return recording.place() if recording is not None else here


def _is_messages(event: object) -> bool:
    return isinstance(event, dict) and "Records" in event


def brought(event: object) -> Place | None:
    """The place an event was sent from: an HTTP request's header, or the one trace of all its messages."""
    if not isinstance(event, dict):
        return None
    if "Records" in event:
        sent = set(senders(event))
        traces = {place.trace_id for place in sent if place is not None}
        if len(traces) != 1 or None in sent:
            return None
        only = sent.pop()
        assert only is not None, "looked for above"
        # Several senders of one trace: the batch has no one parent in it.
        return only if not sent else Place(only.trace_id, "", only.sampled)
    found = event.get("headers")
    return of_headers(found) if isinstance(found, dict) else None


def of_headers(given: Mapping[str, Any]) -> Place | None:
    """The place in a request's headers (lower-case names): W3C's if there is one, else X-Ray's."""
    place = from_traceparent(given[PARENT]) if PARENT in given else None
    if place is None:
        return from_xray(given["x-amzn-trace-id"]) if "x-amzn-trace-id" in given else None
    if STATE not in given:
        return place
    from lamppost.observe import tracestate

    return place._replace(state=tracestate.kept(given[STATE]))


def sender(record: object) -> Place | None:
    """The place an SQS record was sent from; None when it does not tell."""
    if not isinstance(record, dict):
        return None
    attributes = record.get("messageAttributes")
    found = attributes.get(PARENT) if isinstance(attributes, dict) else None
    place = from_traceparent(found.get("stringValue")) if isinstance(found, dict) else None
    if place is not None:
        return place
    system = record.get("attributes")
    return from_xray(system.get("AWSTraceHeader")) if isinstance(system, dict) else None
