"""What the local HTTP server hands to a handler, what it gets back, and how that looks on the wire."""

import re
import uuid
from collections.abc import Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus

import msgspec


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
Answer = Callable[[Response], None]
Answerer = Callable[[Request, Answer], None]


class Limits(msgspec.Struct, frozen=True):
    """Bytes of request line and headers, bytes of body, seconds a request may take to arrive.

    `too_large` words the refusal of a body, given the request without it; the usual words where it is None.
    """

    head: int = 64 * 1024
    body: int = 64 * 1024 * 1024
    arrival: float = 25.0
    too_large: Callable[[Request], Response | None] | None = None


def problem(status: int, code: str, message: str, detail: str = "", *, request_id: str = "") -> Response:
    """A refusal in the shape that functions refuse in, with API Gateway's `message` as well."""
    document = {
        "type": "about:blank",
        "title": _REASONS.get(status, ""),
        "status": status,
        "code": code,
        "detail": detail or message,
        "message": message,
        "requestId": request_id or str(uuid.uuid4()),
    }
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    return Response(status, headers, msgspec.json.encode(document))


class Refused(Exception):
    """What the wire says is not served."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.code = code
        self.why = why


def malformed(why: str) -> Refused:
    """For what is not HTTP, or could be read in two ways."""
    return Refused(400, "malformed_request", why)


_REASONS = {status.value: status.phrase for status in HTTPStatus}
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def encode(response: Response, *, head: bool, last: bool) -> bytes:
    """The bytes of `response`: no header that a handler made can end its line or the head."""
    status = response.status
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {_line(value)}" for name, value in response.headers.items() if _is_token(name)]
    lines += [f"set-cookie: {_line(cookie)}" for cookie in response.cookies]
    bodiless = status in (204, 304)
    # What a GET would have sent is known only when the handler left its body to us.
    if not bodiless and not (head and not response.body):
        lines.append(f"content-length: {len(response.body)}")
    if last:
        lines.append("connection: close")
    top = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return top if head or bodiless else top + response.body


@lru_cache(maxsize=1024)
def _is_token(name: str) -> bool:
    return TOKEN.fullmatch(name) is not None


def _line(value: str) -> str:
    return value if value.isascii() and value.isprintable() else _UNSAFE.sub(" ", value)
