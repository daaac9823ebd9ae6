"""One connection to the local HTTP server: parsed, and answered in the order in which it was asked.

What the wire cannot mean (smuggling shapes, oversize heads and bodies, half a request) is refused before a
handler sees it.
"""

import asyncio
import re
from collections import deque

import httptools

from lamppost.local.http_messages import (
    Handler,
    Limits,
    Refused,
    Request,
    Response,
    encode,
    malformed,
    problem,
)

# A caller still sends when it is refused: hear it out, or the reset of its connection eats the answer.
LINGER = 5.0
# The request line's method, version and separators, which no limit of ours counts.
_LINE_SLACK = 64
_TARGET = re.compile(rb"[!$-~][!\"$-~]*|\*")
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]*")
_ONCE = ("host", "content-length", "transfer-encoding")


class Connection(asyncio.Protocol):
    """Parses requests and answers them one after the other, in the order they came."""

    def __init__(self, handler: Handler, limits: Limits, connections: "set[Connection]") -> None:
        self._handler = handler
        self._limits = limits
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        # The last answer: a refusal of what came behind the requests that still wait.
        self._farewell: Response | None = None
        self._closing = False
        self._half_closed = False
        self._peer = ""
        self.task: asyncio.Task[None] | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._arriving = False
        self._in_head = True
        self._received = 0
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
        self._received += len(data)
        try:
            self._feed(data)
            self._check_growth()
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, Refused):
                raise
            self._refuse(cause)
        except httptools.HttpParserError as error:
            self._refuse(malformed(f"this is not HTTP: {error}"))
        except Refused as refused:
            self._refuse(refused)

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                # As the standard has it, who would rather speak h2c is served in what is spoken now.
                # The parser leaves the body to the other protocol: it is given the head without the offer.
                head = self._head_without_offer()
                self._fresh()
                self._parser = httptools.HttpRequestParser(self)
                data = head + data[offer.args[0] :]

    def _head_without_offer(self) -> bytes:
        method, target = self._parser.get_method().decode(), self._target.decode("ascii")
        kept = {name: text for name, text in self._headers.items() if name not in ("connection", "upgrade")}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in kept.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _check_growth(self) -> None:
        """What the parser keeps to itself is bounded too: endless header lines, trailers, tiny chunks."""
        if not self._arriving:
            return
        if self._in_head and self._received > self._limits.head + _LINE_SLACK:
            raise self._head_too_large()
        if self._received - self._body_bytes > self._limits.head + self._limits.body:
            raise self._body_too_large()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.arrival, self._too_late)

    def eof_received(self) -> bool:
        """The caller has said all it will; it may still listen for its answer."""
        if self._arriving and not self._closing:
            self._refuse(malformed("the request ended before it was complete"))
        self._closing = self._half_closed = True
        return self._working

    # --- httptools callbacks

    def on_message_begin(self) -> None:
        self._arriving = True

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: nothing that comes behind the body may pass for a header
        self._count_head(len(name) + len(value) + 4)
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        if "\x00" in text:
            raise malformed(f"header {key} holds a NUL")
        known = self._headers.get(key)
        if known is not None and key in _ONCE:
            raise malformed(f"header {key} stands twice")
        joint = "; " if key == "cookie" else ","
        self._headers[key] = text if known is None else f"{known}{joint}{text}"

    def on_headers_complete(self) -> None:
        self._in_head = False
        headers = self._headers
        version = self._parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise malformed(f"HTTP/{version} is not spoken here")
        if self._parser.get_method() == b"CONNECT":
            raise malformed("this is no proxy")
        if not _TARGET.fullmatch(self._target):
            raise malformed("the request's target must be percent-encoded ASCII")
        if "host" not in headers and version == "1.1":
            raise malformed("header host is missing")
        if not _HOST.fullmatch(headers.get("host", "")):
            raise malformed("header host names no host")
        if "content-length" in headers and "transfer-encoding" in headers:
            raise malformed("content-length and transfer-encoding exclude each other")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limits.body:
            raise self._body_too_large()
        if headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body:
            raise self._body_too_large()
        self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return
        self._stop_timer()
        request = self._request(b"".join(self._parts))
        if not self._parser.should_keep_alive():
            self._headers["connection"] = "close"
        self._fresh()
        self._waiting.append(request)
        if not self._working:
            self._begin()

    def _request(self, body: bytes) -> Request:
        target, _, query = self._target.decode("ascii").partition("?")
        if not target.startswith("/") and target != "*":
            # As to a proxy: the name in the target outweighs the Host header.
            _, _, rest = target.partition("://")
            self._headers["host"], _, rest = rest.partition("/")
            target = f"/{rest}"
        return Request(
            method=self._parser.get_method().decode("latin-1"),
            path=target,
            query=query,
            headers=self._headers,
            body=body,
            peer=self._peer,
        )

    # --- answering

    @property
    def _working(self) -> bool:
        """Whether a request waits for its answer."""
        return self.task is not None and not self.task.done()

    def _begin(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while self._waiting and self._transport is not None:
            request = self._waiting.popleft()
            try:
                response = await self._handler(request)
            except Exception as error:
                _report(request, error)
                response = problem(500, "internal_error", "Internal Server Error")
            if self._send(request, response):
                return
        self._say_farewell()

    def _send(self, request: Request, response: Response) -> bool:
        """Answer `request`. Returns whether nothing more is said here."""
        more = bool(self._waiting) or self._farewell is not None
        last = request.headers.get("connection", "").lower() == "close" or (self._closing and not more)
        # The caller may have gone while its request was in work.
        if self._transport is not None:
            self._transport.write(encode(response, head=request.method == "HEAD", last=last))
            if last:
                self._transport.close()
        return last

    def finish(self) -> None:
        """End the connection once the request in work is answered."""
        self._closing = True
        if self._half_closed:
            # Whoever hung up most likely is gone: nobody waits for them.
            self._connections.discard(self)
        if not self._working and self._transport is not None:
            self._transport.close()

    def _refuse(self, refused: Refused) -> None:
        self._stop_timer()
        self._closing = True
        self._farewell = self._worded(refused) or problem(refused.status, refused.code, refused.why)
        if not self._working:
            self._say_farewell()

    def _worded(self, refused: Refused) -> Response | None:
        if refused.status != 413 or self._limits.too_large is None or self._in_head:
            return None
        return self._limits.too_large(self._request(b""))

    def _say_farewell(self) -> None:
        if self._farewell is None or self._transport is None:
            return
        transport = self._transport
        transport.write(encode(self._farewell, head=False, last=True))
        self._farewell = None
        if self._half_closed:
            transport.close()
            return
        transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER, transport.close)

    def _too_late(self) -> None:
        self._timer = None
        why = f"the request did not arrive within {self._limits.arrival:g} s"
        self._refuse(Refused(408, "request_timeout", why))

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.head:
            raise self._head_too_large()

    def _head_too_large(self) -> Refused:
        why = f"request line and headers are larger than {self._limits.head} bytes"
        return Refused(431, "head_too_large", why)

    def _body_too_large(self) -> Refused:
        return Refused(413, "body_too_large", f"the body is larger than {self._limits.body} bytes")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _report(request: Request, error: Exception) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"a handler failed on {request.method} {request.path}", "exception": error}
    )
