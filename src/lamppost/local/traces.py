"""Where traces are kept on one machine, and the X-Ray daemon that functions send them to.

Functions send what they would send on AWS, by the daemon's own protocol; what AWS adds by itself there
(the request at the gateway, the invocation as Lambda saw it) the runner adds here. Documents are appended
as they came, to files that are bounded and survive `kill -9`, and read only when somebody asks.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec

from lamppost.local.logs import LogStore
from lamppost.local.spans import Seen, spans_in
from lamppost.observe.trace import Place, new_span_id, new_trace_id, xray_id

# Two files of this: some hundred thousand spans.
ROTATE_BYTES = 16 * 1024 * 1024
# A function sends before it answers, and what was sent waits in the socket: looking for it after each
# invocation would cost each of them, and after this many it still has room.
_UNTAKEN = 16
# What a kill -9 of the runner may forget, in seconds; writing for each span would cost each request.
_DELAY = 0.02
_BUFFER = 4 * 1024 * 1024
_LOG = "traces"

# The place in a trace from which whatever this task invokes is invoked.
current: ContextVar[Place | None] = ContextVar("trace", default=None)


class Open:
    """Work of the runner's own that has begun: `place` is its place in the trace."""

    __slots__ = ("begin", "error", "fields", "kind", "name", "parent", "place")

    def __init__(self, name: str, kind: str, of: Place | None) -> None:
        self.name, self.kind = name, kind
        self.parent = of.span_id if of else ""
        self.place = Place(of.trace_id if of else new_trace_id(), new_span_id(), True)
        self.fields: dict[str, Any] = {}
        self.error = ""
        self.begin = time.time()


class Traces:
    """The traces of one system. Without a folder nothing is kept."""

    def __init__(self, folder: Path | None = None, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        self._documents = LogStore(folder, rotate_bytes=rotate_bytes) if folder is not None else None
        self._pending: list[bytes | dict[str, Any]] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._door: socket.socket | None = None
        self._buffer = bytearray(65_536)
        self._untaken = 0

    def listen(self) -> str:
        """Be the X-Ray daemon; its address, for `AWS_XRAY_DAEMON_ADDRESS`."""
        door = self._door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        door.bind(("127.0.0.1", 0))
        door.setblocking(False)
        return f"127.0.0.1:{door.getsockname()[1]}"

    @contextmanager
    def work(self, name: str, kind: str, of: Place | None) -> Iterator[Open]:
        """A block that is a span below `of`, or begins a trace; what it invokes is below it."""
        made = Open(name, kind, of)
        token = current.set(made.place)
        try:
            yield made
        finally:
            current.reset(token)
            self._end(made)
            if kind == "invocation":
                self._untaken += 1
                if self._untaken >= _UNTAKEN:
                    self._take()

    def receive(self, document: bytes | dict[str, Any]) -> None:
        """Keep a document."""
        if self._documents is None:
            return
        self._pending.append(document)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_DELAY, self._flush)

    def read(self, trace_id: str) -> list[Seen]:
        """The spans of a trace, in the order in which they began."""
        mark = xray_id(trace_id)
        found = [span for text in self._texts() if mark in text for span in spans_in(text)]
        return sorted((span for span in found if span.trace_id == trace_id), key=lambda span: span.begin)

    def newest(self, limit: int) -> list[Seen]:
        """The spans that began the newest `limit` traces, newest first."""
        first: dict[str, Seen] = {}
        for text in self._texts():
            for span in spans_in(text):
                known = first.get(span.trace_id)
                if known is None or span.begin < known.begin:
                    first[span.trace_id] = span
        return sorted(first.values(), key=lambda span: span.begin, reverse=True)[:limit]

    def close(self) -> None:
        """Write the rest and close."""
        if self._documents is not None:
            self._flush()
            self._documents.close()
        if self._door is not None:
            self._door.close()
            self._door = None

    def _texts(self) -> Iterator[str]:
        if self._documents is None:
            return
        self._flush()
        for event in self._documents.read(_LOG):
            yield event.message

    def _end(self, made: Open) -> None:
        kept = {"kind": made.kind, "name": made.name, **made.fields}
        if made.error:
            kept["error"] = made.error
        self.receive(
            {
                "trace_id": xray_id(made.place.trace_id),
                "id": made.place.span_id,
                **({"parent_id": made.parent} if made.parent else {}),
                "name": made.name,
                "start_time": made.begin,
                "end_time": time.time(),
                **({"fault": True} if made.error else {}),
                "metadata": {"lamppost": kept},
            }
        )

    def _take(self) -> None:
        """Take what functions have sent: datagrams of a header line and a document."""
        self._untaken = 0
        while self._door is not None:
            try:
                size = self._door.recv_into(self._buffer)
            except OSError:
                return
            header, _, document = bytes(self._buffer[:size]).partition(b"\n")
            if document and b'"json"' in header:
                self.receive(document)

    def _flush(self) -> None:
        self._take()
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        pending, self._pending = self._pending, []
        if pending and self._documents is not None:
            raw = (one if isinstance(one, bytes) else msgspec.json.encode(one) for one in pending)
            self._documents.append(_LOG, "", [one.decode("utf-8", "replace") for one in raw])
