"""A tiny pooler: one client, two server sessions, the second one after the n-th transaction.

It passes the first session's pid on, which makes it the hardest kind to notice.
"""

import contextlib
import os
import socket
import threading

import psycopg


class Pooler:
    """Serves one client on `port`; behind `after` transactions the second session takes over."""

    def __init__(self, conninfo: str, after: int) -> None:
        self._after = after
        self._sessions = [psycopg.connect(conninfo, autocommit=True) for _ in range(2)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End the sessions."""
        self._listener.close()
        for session in self._sessions:
            session.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _exactly(client, int.from_bytes(_exactly(client, 4)) - 4)
            client.sendall(_welcome(self._sessions[0].info.backend_pid))
            servers = [socket.socket(fileno=os.dup(session.fileno())) for session in self._sessions]
            for server in servers:
                server.setblocking(True)
            done = 0
            while True:
                server = servers[0 if done < self._after else 1]
                while _request(client, server) not in b"QSX":
                    pass
                done += _answer(server, client) == b"I"


def _welcome(pid: int) -> bytes:
    settings = {"client_encoding": "UTF8", "server_version": "17.0", "standard_conforming_strings": "on"}
    texts = [f"{name}\0{value}\0".encode() for name, value in settings.items()]
    return b"".join(
        [
            _message(b"R", (0).to_bytes(4)),
            *(_message(b"S", text) for text in texts),
            _message(b"K", pid.to_bytes(4) + b"\0\0\0\1"),
            _message(b"Z", b"I"),
        ]
    )


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def _request(client: socket.socket, server: socket.socket) -> bytes:
    """Pass one message on; its kind."""
    head = _exactly(client, 5)
    server.sendall(head + _exactly(client, int.from_bytes(head[1:]) - 4))
    return head[:1]


def _answer(server: socket.socket, client: socket.socket) -> bytes:
    """Pass everything back until the server is ready; whether it is in a transaction then."""
    while True:
        head = _exactly(server, 5)
        body = _exactly(server, int.from_bytes(head[1:]) - 4)
        client.sendall(head + body)
        if head[:1] == b"Z":
            return body


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("gone")
        data += part
    return data
