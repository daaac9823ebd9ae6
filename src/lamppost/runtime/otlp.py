"""Spans to an OTLP receiver over HTTP, as JSON, from a thread that no answer waits for long.

On Lambda a thread stops with the answer and goes on at the next invocation, so what a slow receiver
did not take in `PATIENCE` is sent then. A receiver that is away costs spans, never a request.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import os
import queue
import threading
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from lamppost.observe.log import Log, encode
from lamppost.observe.spans import Span
from lamppost.settings import wire

# What an answer may wait for its spans, seconds; what one delivery may take; how many may wait.
PATIENCE = 0.05
WAIT = 5.0
KEPT = 64

# https://opentelemetry.io/docs/specs/otel/trace/api/#spankind in the protocol's numbers
_KINDS = {"function": 2, "sql": 3, "webhook": 3, "queue": 4, "message": 5}
_FAILED = 2
_NAMES = {"status": "http.response.status_code", "rows": "db.response.returned_rows"}


def send(spans: list[Span]) -> None:
    """Hand `spans` over, and give them `PATIENCE` to leave."""
    exporter = _exporter()
    if exporter is not None:
        exporter.send(encode(document(spans)).encode())


def document(spans: list[Span]) -> dict[str, Any]:
    """`spans` as an ExportTraceServiceRequest."""
    function = os.environ.get("LAMPPOST_FUNCTION", "")
    resource = {
        "service.name": os.environ.get("OTEL_SERVICE_NAME") or function.partition(".")[0] or "lamppost",
        "faas.name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", function),
        "deployment.environment.name": os.environ.get("LAMPPOST_STAGE", "local"),
    }
    scope = {"scope": {"name": "lamppost"}, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}


def _span(span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {_NAMES.get(name, f"lamppost.{name}"): said for name, said in span.fields.items()}
    if span.kind == "sql":
        told |= {"db.system.name": "postgresql", "db.query.summary": span.name}
    if span.error:
        told["error.type"] = span.error
    made: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.id,
        "name": span.name,
        "kind": _KINDS.get(span.kind, 1),
        "startTimeUnixNano": str(span.begin),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(told),
        "links": [{"traceId": link.trace_id, "spanId": link.span_id} for link in span.links if link.span_id],
    }
    if span.parent:
        made["parentSpanId"] = span.parent
    if span.error:
        made["status"] = {"code": _FAILED}
    return made


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}


class _Exporter:
    """One thread, and the deliveries that wait for it."""

    def __init__(self, endpoint: str, headers: dict[str, str]) -> None:
        parts = urlsplit(endpoint)
        self._to = wire.address(f"{parts.scheme}://{parts.netloc}")
        self._path = f"{parts.path.rstrip('/')}/v1/traces"
        self._headers = {"content-type": "application/json", **headers}
        self._waiting: queue.Queue[tuple[bytes, threading.Event]] = queue.Queue(KEPT)
        self._log = Log()
        threading.Thread(target=self._work, name="otlp", daemon=True).start()

    def send(self, body: bytes) -> None:
        gone = threading.Event()
        try:
            self._waiting.put_nowait((body, gone))
        except queue.Full:
            self._log.warning("trace.dropped", why="the OTLP receiver does not keep up")
            return
        gone.wait(PATIENCE)

    def _work(self) -> None:
        while True:
            body, gone = self._waiting.get()
            try:
                status = wire.ask(self._to, "POST", self._path, self._headers, body, wait=WAIT).status
                if status >= 300:
                    self._log.warning("trace.refused", status=status)
            except wire.WireError as error:
                self._log.warning("trace.unsent", error=str(error))
            gone.set()


@cache
def _exporter() -> _Exporter | None:
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","))
    headers = {name.strip(): unquote(value.strip()) for name, _, value in pairs if name.strip()}
    try:
        return _Exporter(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"], headers)
    except ValueError:
        Log().error("trace.no_receiver", fix="set OTEL_EXPORTER_OTLP_ENDPOINT to http://host:4318")
        return None
