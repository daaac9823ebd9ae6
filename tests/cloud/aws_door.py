"""As much of AWS as commands ask: who one is, which stacks stand, what a secret holds."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import pytest

ACCOUNT = "123456789012"


class Aws:
    """STS and CloudFormation over HTTP: `stacks` stand, `asked` were the actions."""

    def __init__(self) -> None:
        self.stacks: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.refuses: set[str] = set()
        self.secrets: dict[str, str] = {}
        self.templates: dict[str, Any] = {}
        aws = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                if "x-amz-target" in self.headers:
                    status, answer = aws.secret(json.loads(body)["SecretId"])
                else:
                    status, answer = aws.answer({name: value[0] for name, value in parse_qs(body).items()})
                self.send_response(status)
                self.send_header("content-type", "text/xml")
                self.send_header("content-length", str(len(answer.encode())))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_: object) -> None:
                """Nothing is said."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def stand(self, name: str, age: int, outputs: dict[str, str] | None = None, **tags: str) -> None:
        """A stack made so many hours ago."""
        made = datetime.now(UTC) - timedelta(hours=age)
        self.stacks.append({"name": name, "made": made.isoformat(), "tags": tags, "outputs": outputs or {}})

    def secret(self, name: str) -> tuple[int, str]:
        """Secrets Manager's answer."""
        if name in self.secrets:
            return 200, json.dumps({"Name": name, "SecretString": self.secrets[name]})
        return 400, json.dumps({"__type": "ResourceNotFoundException", "message": "no such secret"})

    def answer(self, asked: dict[str, str]) -> tuple[int, str]:
        action, name = asked["Action"], asked.get("StackName")
        self.asked.append(f"{action} {name}" if name else action)
        if action == "GetCallerIdentity":
            who = f"<Arn>arn:aws:iam::{ACCOUNT}:user/ada</Arn><UserId>A</UserId><Account>{ACCOUNT}</Account>"
            return 200, _result(action, who)
        if action == "DeleteStack":
            if name in self.refuses:
                return 400, _error("ValidationError", f"{name} is protected")
            self.stacks = [each for each in self.stacks if each["name"] != name]
            return 200, _result(action, "")
        if action == "GetTemplate" and name in self.templates:
            return 200, _result(
                action, f"<TemplateBody>{escape(json.dumps(self.templates[name]))}</TemplateBody>"
            )
        found = [each for each in self.stacks if name in (None, each["name"])]
        if name and not found:
            return 400, _error("ValidationError", f"Stack with id {name} does not exist")
        return 200, _result(action, f"<Stacks>{''.join(map(_stack, found))}</Stacks>")


def _stack(each: dict[str, Any]) -> str:
    tags = "".join(
        f"<member><Key>lamppost:{key}</Key><Value>{value}</Value></member>"
        for key, value in each["tags"].items()
    )
    outputs = "".join(
        f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
        for key, value in each["outputs"].items()
    )
    return (
        f"<member><StackName>{each['name']}</StackName><CreationTime>{each['made']}</CreationTime>"
        f"<StackStatus>CREATE_COMPLETE</StackStatus><Tags>{tags}</Tags><Outputs>{outputs}</Outputs></member>"
    )


def _result(action: str, inner: str) -> str:
    return f"<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"


def _error(code: str, message: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The door, and clients that find it."""
    made = Aws()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": made.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield made
    finally:
        made.end()
