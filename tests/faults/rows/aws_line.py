"""The line between a function and its AWS, where a request or its answer can get lost, once."""

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"}


class AwsLine:
    """Passes requests on to `upstream`, a URL. The client of a lost one finds its connection closed."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._lock = threading.Lock()
        self._losing: tuple[str, bool, Callable[[], Any]] | None = None
        self.lost = 0
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                line.pass_on(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def lose(
        self, operation: str, *, accepted: bool, call: Callable[[], Any] = lambda: None, times: int = 1
    ) -> None:
        """Lose the next `times` requests for this operation, before AWS has them or once it accepted them."""
        with self._lock:
            self._losing = (operation, accepted, call)
            self._left = times
            self.lost = 0

    def calm(self) -> None:
        """Lose nothing any more."""
        with self._lock:
            self._losing = None

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, asked: BaseHTTPRequestHandler) -> None:
        """Answer one request, or do not."""
        body = asked.rfile.read(int(asked.headers.get("content-length", 0)))
        losing = self._is_lost(asked.headers.get("x-amz-target", ""))
        if losing is not None and not losing[1]:
            losing[2]()
            asked.close_connection = True
            return
        connection = http.client.HTTPConnection(self._upstream, timeout=30)
        try:
            connection.request(asked.command, asked.path, body=body, headers=dict(asked.headers))
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if losing is not None:
            losing[2]()
            asked.close_connection = True
            return
        asked.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP:
                asked.send_header(name, value)
        asked.send_header("content-length", str(len(answer)))
        asked.end_headers()
        asked.wfile.write(answer)

    def _is_lost(self, target: str) -> tuple[str, bool, Callable[[], Any]] | None:
        with self._lock:
            losing = self._losing
            if losing is None or not target.endswith(f".{losing[0]}"):
                return None
            self.lost += 1
            self._left -= 1
            if not self._left:
                self._losing = None
            return losing
