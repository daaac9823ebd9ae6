"""HTTP as bytes: for requests that no client library would send."""

import http.client
import io
import json
import socket
from typing import Any
from urllib.parse import urlsplit


class Heard:
    """One answer: `status`, `headers` (lower case; the last of a name), `cookies`, `body`."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """A connection to the server at `url`, on which anything can be said."""

    def __init__(self, url: str, *, patience: float = 35) -> None:
        where = urlsplit(url)
        assert where.hostname is not None
        self.socket = socket.create_connection((where.hostname, where.port or 80), timeout=patience)
        self._reader = self.socket.makefile("rb")

    def say(self, *parts: bytes) -> "Line":
        """Send the bytes as they are; a peer that has hung up already is no error here."""
        try:
            for part in parts:
                self.socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def end(self) -> "Line":
        """Say that nothing more will be said; go on listening."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def hear(self, method: str = "GET") -> Heard:
        """The next answer."""
        # It only wants makefile() of its socket.
        reader: Any = _Read(self._reader)
        response = http.client.HTTPResponse(reader, method=method)
        response.begin()
        return Heard(response)

    def is_over(self) -> bool:
        """Wait until the peer hangs up; whether it said nothing more."""
        return self._reader.read() == b""

    def close(self) -> None:
        self._reader.close()
        self.socket.close()


class _Read:
    """Lends HTTPResponse a reader that stays open for the answer after this one."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader

    def makefile(self, _: str) -> Any:
        return _Kept(self._reader)


class _Kept:
    def __init__(self, reader: io.BufferedReader) -> None:
        self.read, self.readline, self.readinto = reader.read, reader.readline, reader.readinto
        self.read1, self.peek = reader.read1, reader.peek

    def close(self) -> None:
        pass

    def flush(self) -> None:
        pass


def request(
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    *,
    host: str = "127.0.0.1",
) -> bytes:
    """The bytes of a request. Names and values go out as they stand, in Latin-1."""
    length = {"Content-Length": str(len(body))} if body is not None else {}
    given = {"Host": host, **length, **(headers or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def once(url: str, raw: bytes, method: str = "GET") -> Heard:
    """Send `raw` on a connection of its own and hear one answer."""
    line = Line(url)
    try:
        return line.say(raw).hear(method)
    finally:
        line.close()
