"""A TCP proxy in front of PostgreSQL that calls somebody at the n-th request of its first client.

It reads just enough of the wire protocol to count what a client asks: simple queries and executions.
"""

import contextlib
import socket
import threading
from collections.abc import Callable

ASKS = (b"Q", b"E")


class CuttingProxy:
    """Serves one port. At request number `at` it calls `cut`, and passes that request on first if `late`."""

    def __init__(self, host: str, port: int, at: int, cut: Callable[[], None], *, late: bool) -> None:
        self.asked = 0
        self._server = (host, port)
        self._at = at
        self._cut = cut
        self._late = late
        self._first = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            counted, self._first = self._first, False
            threading.Thread(target=self._upstream, args=(client, server, counted), daemon=True).start()
            threading.Thread(target=_copy, args=(server, client), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, counted: bool) -> None:
        try:
            length = _exactly(client, 4)
            server.sendall(length + _exactly(client, int.from_bytes(length) - 4))
            while True:
                kind, length = _exactly(client, 1), _exactly(client, 4)
                body = _exactly(client, int.from_bytes(length) - 4)
                if counted and kind in ASKS:
                    self.asked += 1
                    if self.asked == self._at:
                        if self._late:
                            server.sendall(kind + length + body)
                            if kind == b"E":
                                server.sendall(b"S\x00\x00\x00\x04")
                        self._cut()
                        return
                server.sendall(kind + length + body)
        except OSError:
            return
        finally:
            # Like a kernel that closes a dead process's sockets.
            _shut(server)
            _shut(client)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    _shut(sink)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("the client left")
        data += part
    return data


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
