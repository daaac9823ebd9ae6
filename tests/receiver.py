"""A webhook receiver on loopback that keeps what it got and answers as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request: lower-case header names, the body's bytes."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Receiver:
    """`answer` is asked for each request; `requests` keeps them in order of arrival."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answer: Callable[[Received], Reply] = lambda _: Reply()
        self.url = ""

    def always(self, status: int, **headers: str) -> None:
        """Answer everything from now on with this status."""
        reply = Reply(status, {name.replace("_", "-"): value for name, value in headers.items()})
        self.answer = lambda _: reply


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A running receiver on a free port."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            request = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            kept.requests.append(request)
            reply = kept.answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: Any, **__: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 512
        daemon_threads = True
        open: set[socket.socket]

        def process_request(self, request: Any, client_address: Any) -> None:
            self.open.add(request)
            super().process_request(request, client_address)

        def shutdown_request(self, request: Any) -> None:
            self.open.discard(request)
            super().shutdown_request(request)

        def hang_up(self) -> None:
            """End the connections that senders keep; a thread waits on each for what would come next."""
            for connection in list(self.open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.open = set()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        server.hang_up()
