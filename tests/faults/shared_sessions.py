"""A pooler in transaction mode: many clients, a few server sessions, each lent for one transaction.

As PgBouncer and RDS Proxy do, with one thing that they do not: `cut` hangs up on a client in the middle of
its work. A session whose client went away in a transaction is replaced; a cancel goes to the session that
the client holds at that moment.
"""

import contextlib
import os
import queue
import random
import secrets
import socket
import struct
import threading

import psycopg

_CANCEL = 80877102
_TLS = 80877103
_WELCOMED = ("client_encoding", "server_version", "standard_conforming_strings", "DateStyle", "TimeZone")


class Session:
    """One session at the server; opened when it is needed, and again when it was lost."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self.line = socket.socket()

    def open(self) -> None:
        """Connect, unless it is connected."""
        if self._connection is not None:
            return
        self._connection = psycopg.connect(self._conninfo, autocommit=True)
        self.line = socket.socket(fileno=os.dup(self._connection.fileno()))
        self.line.setblocking(True)

    def settings(self) -> dict[str, str]:
        """What a client is welcomed with."""
        assert self._connection is not None
        found = {name: self._connection.info.parameter_status(name) for name in _WELCOMED}
        return {name: value for name, value in found.items() if value}

    def cancel(self) -> None:
        """Stop what it runs."""
        with contextlib.suppress(psycopg.Error):
            if self._connection is not None:
                self._connection.cancel_safe(timeout=2)

    def lose(self) -> None:
        """End it; the next client gets a fresh one."""
        _shut(self.line)
        self.line.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Client:
    """Who is connected; `session` is what they hold now."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.session: Session | None = None


class SharedSessions:
    """Serves clients on `port` with `count` sessions of `conninfo`."""

    def __init__(self, conninfo: str, count: int) -> None:
        self._free: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._sessions = [Session(conninfo) for _ in range(count)]
        for session in self._sessions:
            session.open()
            self._free.put(session)
        self._settings = self._sessions[0].settings()
        self._clients: dict[tuple[int, int], Client] = {}
        self._numbers = iter(range(1, 2**31))
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for client in list(self._clients.values()):
            _shut(client.line)
        for session in self._sessions:
            session.lose()

    def cut(self, dice: random.Random) -> bool:
        """Hang up on one client that is at work; whether there was one."""
        working = [client for client in list(self._clients.values()) if client.session is not None]
        if working:
            _shut(dice.choice(working).line)
        return bool(working)

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        client, key = Client(line), (next(self._numbers), secrets.randbits(31))
        try:
            if self._greet(line, key):
                self._clients[key] = client
                while self._transaction(client):
                    pass
        except (OSError, psycopg.Error):
            return
        finally:
            self._clients.pop(key, None)
            _shut(line)
            line.close()

    def _greet(self, line: socket.socket, key: tuple[int, int]) -> bool:
        """Whether a client came in; else it was a cancel, and is done."""
        while True:
            body = _exactly(line, int.from_bytes(_exactly(line, 4)) - 4)
            code = int.from_bytes(body[:4])
            if code == _TLS:
                line.sendall(b"N")
            elif code == _CANCEL:
                asking = self._clients.get(struct.unpack("!II", body[4:12]))
                if asking is not None and asking.session is not None:
                    asking.session.cancel()
                return False
            else:
                line.sendall(_welcome(self._settings, key))
                return True

    def _transaction(self, client: Client) -> bool:
        """Serve one transaction; False when the client says goodbye."""
        head = _exactly(client.line, 5)
        if head[:1] == b"X":
            return False
        session = self._free.get()
        clean = False
        try:
            session.open()
            client.session = session
            status = b"T"
            while status != b"I":
                while _pass_on(head, client.line, session.line) not in b"QS":
                    head = _exactly(client.line, 5)
                status = _answer(session.line, client.line)
                if status != b"I":
                    head = _exactly(client.line, 5)
            clean = True
        finally:
            client.session = None
            if not clean:
                session.lose()
            self._free.put(session)
        return True


def _welcome(settings: dict[str, str], key: tuple[int, int]) -> bytes:
    texts = [f"{name}\0{value}\0".encode() for name, value in settings.items()]
    said = [_message(b"R", (0).to_bytes(4)), *(_message(b"S", text) for text in texts)]
    return b"".join([*said, _message(b"K", struct.pack("!II", *key)), _message(b"Z", b"I")])


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def _pass_on(head: bytes, client: socket.socket, server: socket.socket) -> bytes:
    """Pass the message that begins with `head` on; its kind. Raises when the client leaves in between."""
    server.sendall(head + _exactly(client, int.from_bytes(head[1:]) - 4))
    if head[:1] == b"X":
        raise OSError("left in a transaction")
    return head[:1]


def _answer(server: socket.socket, client: socket.socket) -> bytes:
    """Pass everything back until the server is ready; whether it is in a transaction then."""
    data = b""
    while True:
        part = server.recv(65536)
        if not part:
            raise OSError("gone")
        data += part
        at = 0
        while len(data) - at >= 5 and len(data) - at > (size := int.from_bytes(data[at + 1 : at + 5])):
            kind, at = data[at : at + 1], at + size + 1
            if kind == b"Z":
                client.sendall(data[:at])
                return data[at - 1 : at]
        client.sendall(data[:at])
        data = data[at:]


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("gone")
        data += part
    return data


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
