"""The line between a function and PostgreSQL, where somebody is called at a statement that was agreed on.

It reads of the wire protocol what a client asks, simple and extended, so a moment has a name: "at the commit
after the claim". https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SYNC = b"S\x00\x00\x00\x04"
# Asked before anything else, and answered with no; then the session is opened as it would have been.
TLS_PLEASE = (80877103).to_bytes(4)


@dataclass(frozen=True)
class Moment:
    """The `nth` statement that holds `text`, counted from the first that holds `after`.

    `heard`: the server does it, and nobody hears that it did. Else it is never told.
    `goes_on`: it does it, and the session is not cut.
    """

    text: str = ""
    nth: int = 1
    after: str = ""
    heard: bool = False
    goes_on: bool = False


class Session:
    """What one client asked for so far: which statement an execution is of."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, bytes] = {}
        self._bound = b""

    def asks(self, kind: bytes, body: bytes) -> str | None:
        """The statement that this message has done; None when it has none done."""
        if kind == b"Q":
            return body.rstrip(b"\0").decode()
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = text
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self._bound = self._prepared.get(name, b"")
        elif kind == b"E":
            return self._bound.decode()
        return None


class PostgresLine:
    """Passes everything on, until the moment it was told of: then it calls, and that session is over."""

    def __init__(self, host: str, port: int) -> None:
        self.server = (host, port)
        self._lock = threading.Lock()
        self.calm()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def at(self, moment: Moment, call: Callable[[], Any]) -> None:
        """Call at this moment, once."""
        with self._lock:
            self.asked: list[str] = []
            self.came = False
            self._moment: Moment | None = moment
            self._call = call
            self._reached = not moment.after
            self._left = moment.nth

    def calm(self) -> None:
        """Call nobody any more."""
        self.at(Moment(), lambda: None)
        self._moment = None

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _is_now(self, statement: str) -> Moment | None:
        with self._lock:
            self.asked.append(statement)
            moment = self._moment
            if moment is None:
                return None
            if not self._reached:
                self._reached = moment.after in statement
                return None
            self._left -= moment.text in statement
            if self._left:
                return None
            self._moment, self.came = None, True
            return moment

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:
                client.close()
                continue
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            mute = threading.Event()
            threading.Thread(target=self._upstream, args=(client, server, mute), daemon=True).start()
            threading.Thread(target=_answers, args=(server, client, mute), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, mute: threading.Event) -> None:
        session = Session()
        try:
            first = TLS_PLEASE
            while first[-4:] == TLS_PLEASE:
                first = _first(client)
                server.sendall(first)
            while True:
                kind, message, body = _message(client)
                statement = session.asks(kind, body)
                moment = None if statement is None else self._is_now(statement)
                if moment is None:
                    server.sendall(message)
                    continue
                if moment.goes_on:
                    self._call()
                    server.sendall(message)
                    continue
                # A client is quick: it would go on before whoever is called has killed it.
                mute.set()
                if moment.heard:
                    server.sendall(message if kind == b"Q" else message + SYNC)
                self._call()
                return
        except OSError:
            return
        finally:
            # The client is dead or must think that the server is. What the server was told it still does.
            _shut(server, socket.SHUT_WR)
            _shut(client, socket.SHUT_RDWR)


def _first(client: socket.socket) -> bytes:
    """The message that opens a session, which has no kind."""
    length = _exactly(client, 4)
    return length + _exactly(client, int.from_bytes(length) - 4)


def _message(client: socket.socket) -> tuple[bytes, bytes, bytes]:
    """The next message: its kind, all of it, and its body."""
    head = _exactly(client, 5)
    body = _exactly(client, int.from_bytes(head[1:]) - 4)
    return head[:1], head + body, body


def _answers(server: socket.socket, client: socket.socket, mute: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            if not mute.is_set():
                client.sendall(data)
    _shut(client, socket.SHUT_RDWR)
    server.close()


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("the client left")
        data += part
    return data


def _shut(one: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(how)
