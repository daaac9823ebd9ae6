"""The hostile inputs of `data/bad_inputs.json`, and the services they are thrown at."""

import base64
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.observe.log import Log
from lamppost.runtime.context import LiveContext
from lamppost.runtime.http import HttpFunction

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "bad_inputs.json").read_text())
PROBE = Path(__file__).parent / "data" / "probe"


def cases(group: str, *, max_send: int | None = None) -> Any:
    """The parametrize mark of one group; each case has its id for a name."""
    kept = [case for case in CASES[group] if max_send is None or len(sent(case["send"])) <= max_send]
    names = [case.get("id") or ascii(case.get("send", case))[:40] for case in kept]
    return pytest.mark.parametrize("case", kept, ids=names)


def sent(recipe: Any) -> bytes:
    """The bytes that a recipe stands for: a text, base64, or something repeated."""
    if isinstance(recipe, str):
        return recipe.encode()
    if "base64" in recipe:
        return base64.b64decode(recipe["base64"])
    text: str = recipe["before"] + recipe["repeat"] * recipe["times"] + recipe["after"]
    return text.encode()


def is_refusal(status: int, headers: dict[str, str], body: bytes, case: dict[str, Any]) -> None:
    """Assert that an answer is the refusal that `case` asks for, and nothing more."""
    problem = json.loads(body)
    assert (status, problem["code"]) == (case["status"], case["code"])
    assert headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert problem["detail"]
    assert len(problem["requestId"]) == 36
    assert b"Traceback" not in body
    assert b'File "' not in body
    assert len(body) < 2000
    if "path" in case:
        assert [error["path"] for error in problem["errors"]] == [case["path"]]
        assert [error["code"] for error in problem["errors"]] == [case["code"]]


class Lambda:
    """Lambda's context, for calls within this process."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn = "arn:aws:lambda:us-east-2:000000000000:function:probe-api"

    def __init__(self, remaining: float = 30) -> None:
        self._remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        """What is left, in ms."""
        return int(self._remaining * 1000)


class Called:
    """A function of a service, called within this process with the events a gateway would send."""

    def __init__(self, service_module: str, function: str = "api") -> None:
        service = import_module(service_module).service
        self._service = describe(System((service,)), {service.name: ""}).services[0]
        self._entry = self._service.function(function)
        import_module(self._entry.module)
        self.http = HttpFunction(self._entry, sys.modules[self._entry.module])
        self.lines: list[str] = []

    def raw(self, event: Any, *, remaining: float = 30) -> dict[str, Any]:
        """The answer to an event, whatever it is."""
        context = Lambda(remaining)
        live = LiveContext(
            self._service, self._entry, context, stage="local", env="dev", log=Log(write=self.lines.append)
        )
        return self.http(event, live, context)

    def __call__(
        self,
        key: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        query: str = "",
        path: dict[str, str] | None = None,
        remaining: float = 30,
    ) -> dict[str, Any]:
        """The answer to a request for the route `key`."""
        return self.raw(event(key, body, headers, query=query, path=path), remaining=remaining)


def event(
    key: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    query: str = "",
    path: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An HTTP API event, payload 2.0."""
    method, _, template = key.partition(" ")
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": template,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {"http": {"method": method, "path": template}},
        "pathParameters": path or {},
        "body": base64.b64encode(body).decode() if body is not None else None,
        "isBase64Encoded": body is not None,
    }
