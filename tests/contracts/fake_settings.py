"""Secrets Manager, Parameter Store and the extension, as small servers on loopback.

They speak what is on the wire: JSON 1.1 with X-Amz-Target, and the extension's GET. The
extension keeps what it read, as AWS's does, so a test can see who goes past it.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Shop:
    """What is stored, and what was asked for."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.failures: list[tuple[int, str]] = []
        self.answering = threading.Event()
        self.answering.set()

    def answer(self, target: str, request: dict[str, object]) -> tuple[int, dict[str, object]]:
        name = str(request.get("SecretId") or request.get("Name"))
        if request.get("VersionStage") == "AWSPENDING":
            name = f"{name} AWSPENDING"
        self.asked.append(name)
        self.answering.wait(10)
        if self.failures:
            status, kind = self.failures.pop(0)
            return status, {"__type": kind, "message": "later"}
        if name in self.forbidden:
            return 400, {"__type": "AccessDeniedException", "Message": "User is not authorized"}
        if target == "secretsmanager.GetSecretValue" and name in self.secrets:
            return 200, {"Name": name, "SecretString": self.secrets[name], "VersionStages": ["AWSCURRENT"]}
        if target == "AmazonSSM.GetParameter" and name in self.parameters:
            return 200, {"Parameter": {"Name": name, "Value": self.parameters[name], "Version": 1}}
        missing = "ParameterNotFound" if target.startswith("AmazonSSM") else "ResourceNotFoundException"
        return 400, {"__type": missing, "message": "not here"}


class Sidecar:
    """The extension: a cache of `shop`, not ready for its first `not_ready` requests."""

    def __init__(self, shop: Shop, not_ready: int = 0) -> None:
        self.shop = shop
        self.not_ready = not_ready
        self.kept: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.tokens: list[str | None] = []

    def answer(self, path: str, token: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        self.tokens.append(token)
        if self.not_ready:
            self.not_ready -= 1
            return 400, b"not ready to serve traffic, please wait"
        if path not in self.kept:
            url = urlsplit(path)
            query = parse_qs(url.query)
            if url.path == "/secretsmanager/get":
                status, answer = self.shop.answer(
                    "secretsmanager.GetSecretValue", {"SecretId": query["secretId"][0]}
                )
            else:
                status, answer = self.shop.answer("AmazonSSM.GetParameter", {"Name": query["name"][0]})
            if status != 200:
                return status, b"the service refused"
            self.kept[path] = answer
        return 200, json.dumps(self.kept[path]).encode()


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """The endpoint (`http://127.0.0.1:port`) of both AWS services."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            shop.headers.append(dict(self.headers))
            status, answer = shop.answer(self.headers["X-Amz-Target"], body)
            respond(self, status, json.dumps(answer).encode())

        def log_message(self, *args: object) -> None:
            pass

    with _running(Handler) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def beside(sidecar: Sidecar) -> Iterator[int]:
    """The extension's port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body = sidecar.answer(self.path, self.headers["X-Aws-Parameters-Secrets-Token"])
            respond(self, status, body)

        def log_message(self, *args: object) -> None:
            pass

    with _running(Handler) as port:
        yield port


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
