"""An invocation whose spans somebody wants: recorded while it runs, sent on before its answer leaves.

Loaded only then. Sending is a datagram to the X-Ray daemon, which Lambda has beside every function and
`lamppost up` too; or a bounded moment for an OTLP receiver. Neither can fail the invocation.
"""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any

from lamppost.observe import trace
from lamppost.observe.spans import Recording, Span

DAEMON = "AWS_XRAY_DAEMON_ADDRESS"
OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"

Send = Callable[[list[Span]], None]


class Recorded:
    """A block that is one invocation, `event` its event."""

    def __init__(self, here: trace.Place, name: str, kind: str, event: object, *, sampled: bool) -> None:
        route = event.get("routeKey") if kind == "http" and isinstance(event, dict) else None
        senders = trace.senders(event) if kind == "queue" else []
        fields: dict[str, Any] = {"messages": len(senders)} if senders else {}
        self.recording = Recording(here, f"{name} {route}" if route else name, "function", fields)
        links = tuple(dict.fromkeys(place for place in senders if place is not None))
        # One sender of all is the parent already.
        self.recording.root.links = links if len(links) > 1 or trace.brought(event) is None else ()
        self._sampled = sampled

    def __enter__(self) -> Recording:
        """Begin to record."""
        trace.recording = self.recording
        return self.recording

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        """Stop, and send what was recorded."""
        trace.recording = None
        if kind is not None:
            self.recording.root.error = kind.__name__
        spans = self.recording.finish()
        if self._sampled and (daemon := os.environ.get(DAEMON)):
            from lamppost.runtime import xray

            xray.send(spans, daemon)
        if os.environ.get(OTLP):
            from lamppost.runtime import otlp

            otlp.send(spans)


def answered(recording: Recording, result: Any) -> None:
    """Note what an HTTP function answered."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    if isinstance(status, int):
        recording.root.fields["status"] = status
        if status >= 500:
            recording.root.error = str(status)
