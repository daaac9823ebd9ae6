"""The one HTTP server of the local system: asyncio and httptools, loopback only.

The gateway, the AWS port, the secrets extension and each worker's Runtime API are handlers
of this server. It refuses what the wire cannot mean (smuggling shapes, oversize heads and
bodies, half a request) before a handler sees it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httptools
import msgspec

from lamppost.errors import OperatorError

LOOPBACK = "127.0.0.1"


class Request(msgspec.Struct):
    """One request. `path` and `query` are as sent (still percent-encoded); header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    peer: str


class Response(msgspec.Struct):
    """One answer. `cookies` become one Set-Cookie line each."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""
    cookies: tuple[str, ...] = ()


Handler = Callable[[Request], Awaitable[Response]]


class Limits(msgspec.Struct, frozen=True):
    """Bytes of request line and headers, bytes of body, seconds a request may take to arrive."""

    head: int = 64 * 1024
    body: int = 64 * 1024 * 1024
    arrival: float = 25.0


class Server:
    """A listening socket and its open connections."""

    def __init__(self, listener: asyncio.Server, connections: "set[_Connection]") -> None:
        self._listener = listener
        self._connections = connections
        self.port: int = listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, let requests in work finish, end the rest."""
        self._listener.close()
        for connection in list(self._connections):
            connection.finish()
        await asyncio.gather(
            *(connection.task for connection in list(self._connections) if connection.task),
            return_exceptions=True,
        )


async def serve(handler: Handler, *, port: int = 0, limits: Limits | None = None) -> Server:
    """Listen on 127.0.0.1:`port` (0 picks a free one). Raises `OperatorError` when the port is taken."""
    connections: set[_Connection] = set()
    accepted = limits or Limits()
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(
            lambda: _Connection(handler, accepted, connections), LOOPBACK, port, backlog=1024
        )
    except OSError as taken:
        raise OperatorError(
            f"port {port} on {LOOPBACK} is taken ({taken.strerror})",
            fix="stop what listens there, or choose another with --port / --aws-port (0 picks a free one)",
            code="port_taken",
        ) from taken
    return Server(listener, connections)


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class _Connection(asyncio.Protocol):
    """Parses requests and answers them one after the other, in the order they came."""

    def __init__(self, handler: Handler, limits: Limits, connections: "set[_Connection]") -> None:
        self._handler = handler
        self._limits = limits
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._peer = ""
        self.task: asyncio.Task[None] | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._target = b""
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        self._parts: list[bytes] = []
        self._body_bytes = 0

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        self._stop_timer()
        self._closing = True
        self._transport = None

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.arrival, self._too_late)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "no protocol upgrade is offered here")
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.status, cause.why)
            else:
                raise
        except httptools.HttpParserError as error:
            self._refuse(400, f"this is not HTTP: {error}")

    # --- httptools callbacks

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value) + 4)
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        if "\x00" in text:
            raise _Refused(400, f"header {key} holds a NUL")
        known = self._headers.get(key)
        if known is not None and key in ("host", "content-length", "transfer-encoding"):
            raise _Refused(400, f"header {key} stands twice")
        joint = "; " if key == "cookie" else ","
        self._headers[key] = text if known is None else f"{known}{joint}{text}"

    def on_headers_complete(self) -> None:
        headers = self._headers
        if "content-length" in headers and "transfer-encoding" in headers:
            raise _Refused(400, "content-length and transfer-encoding exclude each other")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limits.body:
            raise _Refused(413, f"the body is larger than {self._limits.body} bytes")
        if headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body:
            raise _Refused(413, f"the body is larger than {self._limits.body} bytes")
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._stop_timer()
        path, _, query = self._target.decode("latin-1").partition("?")
        if not path.startswith("/") and path != "*":
            path = "/" + path.partition("://")[2].partition("/")[2]
        request = Request(
            method=self._parser.get_method().decode("latin-1"),
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._parts),
            peer=self._peer,
        )
        if not self._parser.should_keep_alive():
            self._headers["connection"] = "close"
        self._fresh()
        self._waiting.append(request)
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._answer_all())

    # --- answering

    async def _answer_all(self) -> None:
        while self._waiting and self._transport is not None:
            request = self._waiting.popleft()
            try:
                response = await self._handler(request)
            except Exception as error:  # noqa: BLE001 - a process boundary: one request must not end the server
                _report(request, error)
                response = Response(
                    500, {"content-type": "application/json"}, b'{"message":"Internal Server Error"}'
                )
            last = self._closing or request.headers.get("connection", "").lower() == "close"
            self._write(_encode(response, head=request.method == "HEAD", last=last), last=last)
            if last:
                return

    def finish(self) -> None:
        """End the connection once the request in work is answered."""
        self._closing = True
        if (self.task is None or self.task.done()) and self._transport is not None:
            self._transport.close()

    def _refuse(self, status: int, why: str) -> None:
        self._stop_timer()
        self._closing = True
        body = msgspec.json.encode({"message": why})
        response = Response(status, {"content-type": "application/json"}, body)
        self._write(_encode(response, head=False, last=True), last=True)

    def _write(self, data: bytes, *, last: bool) -> None:
        # The caller may have gone while its request was in work.
        if self._transport is not None:
            self._transport.write(data)
            if last:
                self._transport.close()

    def _too_late(self) -> None:
        self._timer = None
        self._refuse(408, f"the request did not arrive within {self._limits.arrival:.0f} s")

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.head:
            raise _Refused(431, f"request line and headers are larger than {self._limits.head} bytes")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _report(request: Request, error: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"a handler failed on {request.method} {request.path}", "exception": error}
    )


_REASONS = {status.value: status.phrase for status in HTTPStatus}


def _encode(response: Response, *, head: bool, last: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}"]
    lines += [f"{name}: {_line(value)}" for name, value in response.headers.items()]
    lines += [f"set-cookie: {_line(cookie)}" for cookie in response.cookies]
    if response.status not in (204, 304) and response.status >= 200:
        lines.append(f"content-length: {len(response.body)}")
    if last:
        lines.append("connection: close")
    top = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return top if head or response.status in (204, 304) else top + response.body


def _line(value: str) -> str:
    # A header value is one line, whatever a handler put into it.
    return value.replace("\r", " ").replace("\n", " ")
