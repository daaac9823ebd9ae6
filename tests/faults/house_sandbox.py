"""One sandbox of the storm: a real function entry in a process of its own, and the callers it serves.

    python -m tests.faults.house_sandbox '{"tenants": 200, "service": "orders", ...}'

The process is what Lambda would run (`runtime.entry`, one invocation at a time, its environment from the
runner's); only the event comes from within, for speed. It reports what happened every few requests, one JSON
line on its first stdout, and is killed whenever somebody likes.
"""

import base64
import http.client
import io
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from tests.faults.house_marks import marks, tenant_id
from tests.faults.house_recipes import RECIPES, World, bytes_of
from tests.faults.house_wishes import Said, Wish, draw, verdict

EVERY = 20
RAISED = 0.03
OVERDUE = 0.002
OBJECTS = 0.01


class Fault:
    """What goes wrong inside the handler: at which statement, and how."""

    def __init__(self) -> None:
        self.at = 0
        self.how = ""

    def install(self) -> None:
        """Stand before every statement that a handler executes."""
        from lamppost.db.statements import Statement

        execute = Statement.execute

        def faulty(cursor: Any, query: Any, *given: Any, **how: Any) -> Any:
            # A sweep left behind works on a thread of its own, and is no handler.
            if threading.current_thread().name != "handler":
                return execute(cursor, query, *given, **how)
            self.at -= 1
            if self.at == 0 and self.how == "raise":
                raise RuntimeError("a handler's mistake")
            if self.at == 0 and self.how == "overdue":
                execute(cursor.connection.cursor(), "select pg_sleep(1)")
            return execute(cursor, query, *given, **how)

        faulted: Any = Statement
        faulted.execute = faulty


class Lambda:
    """Lambda's context."""

    invoked_function_arn = "arn:aws:lambda:us-east-2:000000000000:function:storm"

    def __init__(self, remaining: float) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self._end = time.monotonic() + remaining

    def get_remaining_time_in_millis(self) -> int:
        """What is left, in ms."""
        return max(int((self._end - time.monotonic()) * 1000), 0)


class Sandbox:
    """Serves callers, one after the other."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._report = os.fdopen(os.dup(1), "w", buffering=1)
        self._said = sys.stdout = io.StringIO()
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.setblocking(False)
        os.environ["AWS_XRAY_DAEMON_ADDRESS"] = f"127.0.0.1:{self._daemon.getsockname()[1]}"
        self._dice = random.Random(told["seed"])
        self._world = World(told["tenants"], range(*told["homes"]))
        self._service: str = told["service"]
        self._break: str = told["break"]
        self._calls = [call for call in RECIPES if call.startswith(self._service)]
        self._fault = Fault()
        self._counts: dict[str, Counter[str]] = {}
        self._foreign: list[str] = []
        self.over = False

    def run(self) -> None:
        """Serve until somebody says that it is over."""
        from lamppost.runtime.entry import handle

        _break(self._break)
        self._fault.install()
        served = 0
        while not self.over:
            wish = draw(self._dice, self._world, self._calls)
            self._serve(handle, wish)
            if self._service == "orders" and self._dice.random() < OBJECTS:
                self._use_links()
            served += 1
            if served % EVERY == 0:
                self._tell()
        self._tell()

    def _serve(self, handle: Any, wish: Wish) -> None:
        os.environ["_X_AMZN_TRACE_ID"] = f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()};Sampled=1"
        chance = self._dice.random()
        self._fault.how = "raise" if chance < RAISED else "overdue" if chance < RAISED + OVERDUE else ""
        self._fault.at = self._dice.randrange(1, 9) if self._fault.how else 0
        answer = handle(_event(wish), Lambda(0.4 if self._fault.how == "overdue" else 30))
        lines = self._said.getvalue()
        self._said.seek(0)
        self._said.truncate()
        spans = self._spans()
        told = f"{answer['body']}\n{answer['headers']}"
        body = json.loads(answer["body"] or "null")
        code = body["code"] if answer["statusCode"] >= 400 else ""
        self._note(wish, Said(answer["statusCode"], told, code, lines, spans), answer, body)

    def _note(self, wish: Wish, said: Said, answer: dict[str, Any], body: Any) -> None:
        wrong = verdict(wish, said)
        if wrong is not None:
            whole = "\n".join(said[1:])[:1500]
            self._foreign.append(
                f"{wish.call}, {wish.kind}, by {wish.aim.person} {wish.ask}: {wrong}: {whole}"
            )
        self._count("calls", wish.call)
        self._count("kinds", wish.kind)
        self._count("answers", str(said.status))
        if said.status < 300:
            self._count("done", wish.call)
            self._count("own", "own" if marks(said.answer) else "none")
            self._world.learn(wish.call, wish.aim, wish.ask, body)
        else:
            self._count("refusals", said.code)
        if "idempotent-replayed" in answer["headers"]:
            self._count("replays", wish.call)
        if said.spans:
            self._count("traced", "requests")
        self._counts.setdefault("lines", Counter())["lines"] += said.lines.count("\n")
        for failure in said.failures:
            self._count("failures", failure)

    def _count(self, what: str, name: str) -> None:
        self._counts.setdefault(what, Counter())[name] += 1

    def _spans(self) -> str:
        found = []
        while True:
            try:
                found.append(self._daemon.recv(70_000).decode())
            except BlockingIOError:
                return "\n".join(found)

    def _use_links(self) -> None:
        """Send a file, fetch one, and try to come by another tenant's through a changed link."""
        if self._world.uploads:
            tenant, order, granted = self._world.uploads.pop()
            data, elsewhere = bytes_of(tenant), self._elsewhere(tenant, granted["url"])
            self._object("send elsewhere", tenant, "PUT", elsewhere, data, granted["headers"])
            if self._object("send", tenant, "PUT", granted["url"], data, granted["headers"]) == 200:
                self._world.sent.append((tenant, order))
        if self._world.links:
            tenant, link = self._dice.choice(self._world.links)
            self._object("fetch", tenant, "GET", link)
            self._object("fetch elsewhere", tenant, "GET", self._elsewhere(tenant, link))

    def _elsewhere(self, tenant: int, url: str) -> str:
        other = (tenant + 1) % self._world.tenants
        return url.replace(str(tenant_id(tenant)), str(tenant_id(other)))

    def _object(
        self, what: str, tenant: int, method: str, url: str,
        data: bytes | None = None, headers: dict[str, str] | None = None,
    ) -> int:  # fmt: skip
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        try:
            connection.request(method, f"{parts.path}?{parts.query}", data, headers or {})
            answer = connection.getresponse()
            body = answer.read()
        except OSError:
            return 0
        finally:
            connection.close()
        self._count("objects", f"{what} {answer.status}")
        kept = what == "fetch" and answer.status == 200 and body != bytes_of(tenant)
        if kept or (what.endswith("elsewhere") and answer.status < 400):
            self._foreign.append(f"{what} of {tenant}: {answer.status} {body[:300]!r} {url}")
        return answer.status

    def _tell(self) -> None:
        self._report.write(json.dumps({"counts": self._counts, "foreign": self._foreign}) + "\n")
        self._counts, self._foreign = {}, []


def _event(wish: Wish) -> dict[str, Any]:
    """The HTTP API event (payload 2.0) of a wish, its token verified by a gateway."""
    _, _, key = wish.call.partition(" ")
    method, _, path = key.partition(" ")
    for name, value in wish.ask.path.items():
        path = path.replace(f"{{{name}}}", value)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": wish.query,
        "headers": dict(wish.headers),
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}},
        "pathParameters": wish.ask.path,
        "body": None if wish.ask.body is None else json.dumps(wish.ask.body),
        "isBase64Encoded": False,
    }
    if wish.kind != "nobody":
        claims = _claims(wish.aim.person)
        event["headers"]["authorization"] = f"Bearer {_token(claims)}"
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims}}
    return event


def _claims(person: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": person, "iss": "storm", "client_id": "app", "token_use": "access", "iat": now,
        "exp": now + 600,
    }  # fmt: skip


def _token(claims: dict[str, Any]) -> str:
    """A token as the gateway has verified it; nobody verifies it again behind the gateway."""
    parts = (json.dumps({"alg": "RS256"}).encode(), json.dumps(claims).encode(), b"x" * 256)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def _break(what: str) -> None:
    """Leave a wall out, to see whether the storm notices."""
    from lamppost.db import cursors, tenant_sql

    if what == "session":
        # SET where it should be SET LOCAL.
        tenant_sql._ENTER = re.sub(r"(set_config\([^()]*), true\)", r"\1, false)", tenant_sql._ENTER)
        tenant_sql._SET = re.sub(
            rb"(set_config\([^()]*\(?[^()]*\)?[^()]*), true\)", rb"\1, false)", tenant_sql._SET
        )
        tenant_sql._CALLER = re.sub(rb"(set_config\(.*), true\)", rb"\1, false)", tenant_sql._CALLER)
    if what == "cursor":
        mark = cursors._mark
        cursors._mark = lambda key, of, told: mark(key, (), told)


def main() -> None:
    sandbox = Sandbox(json.loads(sys.argv[1]))

    def end(*_: object) -> None:
        sandbox.over = True

    signal.signal(signal.SIGTERM, end)
    sandbox.run()


if __name__ == "__main__":
    main()
