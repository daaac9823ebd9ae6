"""One HTTP request over one socket: all that reading a setting needs.

`http.client` would bring the `email` package and `ssl` into every cold start. This file brings
`ssl` when an address begins with https, and nothing else.
"""

import re
import socket
import time
from typing import NamedTuple

ANSWER_BYTES = 1024 * 1024
ANSWER_SECONDS = 5.0
_STATUS = re.compile(rb"[1-5][0-9]{2}")
# Python refuses to read a number of thousands of digits, and no answer is that long.
_DIGITS = 15


class Address(NamedTuple):
    """Where a server listens."""

    secure: bool
    host: str
    port: int

    @property
    def header(self) -> str:
        """The Host header: the port stands in it unless it is the scheme's own."""
        usual = 443 if self.secure else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"


class Answer(NamedTuple):
    """A status and the whole body."""

    status: int
    body: bytes


class WireError(OSError):
    """The server could not be reached, stopped in the middle, or does not speak HTTP."""


def address(url: str) -> Address:
    """The address in `http://127.0.0.1:8001`. Raises `ValueError`; a path other than `/` is refused."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise ValueError(url)
    place = rest.rstrip("/")
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = place, "443" if scheme == "https" else "80"
    if not host or "/" in place or "@" in place or not port.isdigit():
        raise ValueError(url)
    return Address(scheme == "https", host, int(port))


def ask(
    to: Address,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes = b"",
    *,
    wait: float = ANSWER_SECONDS,
) -> Answer:
    """Send one request and read its answer within `wait` seconds. Raises `WireError`."""
    deadline = time.monotonic() + wait
    lines = [f"{method} {path} HTTP/1.1", f"Host: {to.header}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    if any(sign in part for part in (*headers.values(), path) for sign in "\r\n"):
        raise WireError("a header holds a line break")
    try:
        with _connected(to, wait) as connection:
            connection.sendall(f"{head}\r\n\r\n".encode() + body)
            return _answer(connection, deadline)
    except WireError:
        raise
    except (OSError, UnicodeError) as failure:
        # A host that no resolver could be asked for; and TimeoutError has no text of its own.
        raise WireError(str(failure) or "no answer in time") from failure


def _connected(to: Address, wait: float) -> socket.socket:
    plain = socket.create_connection((to.host.strip("[]"), to.port), timeout=wait)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not to.secure:
        return plain
    import ssl

    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=to.host)
    except OSError:
        plain.close()
        raise


def _answer(connection: socket.socket, deadline: float) -> Answer:
    received = bytearray()
    while True:
        if (answer := parse(received, ended=False)) is not None:
            return answer
        left = deadline - time.monotonic()
        if left <= 0:
            raise WireError("no answer in time")
        connection.settimeout(left)
        more = connection.recv(65536)
        if not more:
            break
        received += more
        if len(received) > ANSWER_BYTES:
            raise WireError(f"an answer of more than {ANSWER_BYTES} bytes")
    answer = parse(received, ended=True)
    if answer is None:
        raise WireError("the connection ended inside the answer")
    return answer


def parse(received: bytearray, *, ended: bool) -> Answer | None:
    """The answer in `received`, or None while bytes are missing. `ended`: no more will come."""
    head, separator, rest = bytes(received).partition(b"\r\n\r\n")
    if not separator:
        return None
    status_line, *lines = head.split(b"\r\n")
    words = status_line.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not _STATUS.fullmatch(words[1]):
        raise WireError("the answer is not HTTP/1.1")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
    }
    status = int(words[1])
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        body = _unchunked(rest)
        return None if body is None else Answer(status, body)
    length = headers.get(b"content-length")
    if length is None:
        return Answer(status, rest) if ended else None
    if not length.isdigit() or len(length) > _DIGITS:
        raise WireError("the answer has a Content-Length that is none")
    return Answer(status, rest[: int(length)]) if len(rest) >= int(length) else None


def _unchunked(rest: bytes) -> bytes | None:
    body = b""
    while True:
        size_line, separator, rest = rest.partition(b"\r\n")
        if not separator:
            return None
        try:
            size = int(size_line.partition(b";")[0], 16)
        except ValueError:
            raise WireError("the answer has a chunk without a size") from None
        if size == 0:
            return body
        if len(rest) < size + 2:
            return None
        body += rest[:size]
        rest = rest[size + 2 :]
