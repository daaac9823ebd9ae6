"""The gateway between a request and a function: the event it makes, and what it makes of any answer."""

import asyncio
import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.local.authorizers import Authorizers
from lamppost.local.functions.spec import Result
from lamppost.local.gateway import Gateway
from lamppost.local.http import Request, Response
from lamppost.local.identity.door import Identity
from lamppost.observe.log import Log


def gateway(payload: bytes = b'{"statusCode":200}', **how: Any) -> tuple[Gateway, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []

    async def invoke(name: str, event: bytes) -> Result:
        events.append({"function": name, **json.loads(event)})
        return Result(payload, **how)

    identity = Identity(Path(tempfile.mkdtemp()))
    made = Gateway(invoke, Authorizers(identity.verify, invoke, Log()))
    service = import_module("tests.data.probe.services.probe.service").service
    made.describe(describe(System((service,)), {"probe": ""}))
    return made, events


def ask(
    made: Gateway, target: str = "/probe/things", method: str = "GET", body: bytes = b"", **headers: str
) -> Response:
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return asyncio.run(_call(made, Request(method, path, query, given, body, "127.0.0.1")))


async def _call(made: Gateway, request: Request) -> Response:
    return await made(request)


def test_the_event_says_who_really_called() -> None:
    made, events = gateway()
    ask(made, x_forwarded_for="10.0.0.1, ::1", x_real_ip="10.0.0.1", forwarded="for=10.0.0.1")
    assert events[0]["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_parameters_arrive_decoded_once_and_the_rest_as_it_was_sent() -> None:
    made, events = gateway()
    ask(made, "/probe/tagged/%252e%20a?b=%2541&b=c", cookie="d=e; f=g")
    (event,) = events
    assert (event["function"], event["routeKey"]) == ("probe-dev-api", "GET /tagged/{tag}")
    assert event["pathParameters"] == {"tag": "%2e a"}
    assert (event["rawPath"], event["rawQueryString"]) == ("/tagged/%252e%20a", "b=%2541&b=c")
    assert event["queryStringParameters"] == {"b": "%41,c"}
    assert event["cookies"] == ["d=e", "f=g"]
    assert "cookie" not in event["headers"]


def test_the_answer_carries_the_id_that_the_function_saw() -> None:
    made, events = gateway()
    answer = ask(made)
    assert answer.headers["apigw-requestid"] == events[0]["requestContext"]["requestId"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        b"\xff",
        b'{"statusCode":"abc"}',
        b'{"statusCode":null}',
        b'{"statusCode":99}',
        b'{"statusCode":600}',
        b'{"statusCode":200.5}',
        b'{"statusCode":[200]}',
        b'{"statusCode":200,"headers":[]}',
        b'{"statusCode":200,"headers":{"a":{}}}',
        b'{"statusCode":200,"headers":{"a b":"c"}}',
        b'{"statusCode":200,"headers":{"a\\r\\nb":"c"}}',
        b'{"statusCode":200,"headers":{"":"c"}}',
        b'{"statusCode":200,"body":{}}',
        b'{"statusCode":200,"body":"!!","isBase64Encoded":true}',
        b'{"statusCode":200,"cookies":"a=b"}',
    ],
)
def test_what_is_no_answer_is_a_500_without_a_word(payload: bytes) -> None:
    made, _ = gateway(payload)
    answer = ask(made)
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "internal_error")
    assert json.loads(answer.body)["message"] == "Internal Server Error"


def test_a_failed_function_is_a_500_whatever_it_said() -> None:
    made, _ = gateway(b'{"errorMessage":"hunter2","statusCode":200}', error="Unhandled")
    answer = ask(made)
    assert answer.status == 500
    assert b"hunter2" not in answer.body


def test_a_throttled_function_is_a_429() -> None:
    made, _ = gateway(b"{}", error="Unhandled", throttled=True)
    assert (ask(made).status, json.loads(ask(made).body)["code"]) == (429, "throttled")


def test_a_value_that_is_no_answer_is_the_body_of_a_200() -> None:
    made, _ = gateway(b'{"a":1}')
    answer = ask(made)
    assert (answer.status, json.loads(answer.body)) == (200, {"a": 1})


def test_headers_may_be_numbers_and_a_status_a_text_as_api_gateway_has_it() -> None:
    made, _ = gateway(b'{"statusCode":"201","headers":{"X-A":5,"x-b":true,"x-c":"5"}}')
    answer = ask(made)
    assert answer.status == 201
    assert {name: answer.headers[name] for name in ("x-a", "x-b", "x-c")} == {
        "x-a": "5",
        "x-b": "true",
        "x-c": "5",
    }


@pytest.mark.parametrize("size", [6_200_000, 6_291_456])
def test_an_event_that_a_function_cannot_take_is_a_413_and_calls_nobody(size: int) -> None:
    made, events = gateway()
    answer = ask(made, "/probe/thing", "POST", b"a" * size)
    assert (answer.status, len(events)) == ((200, 1) if size < 6_291_000 else (413, 0))


def test_an_app_beside_the_apis_does_not_see_two_slashes() -> None:
    made, _ = gateway()

    async def page(_: Request) -> Response:
        return Response(200, {}, b"the front page")

    made.mount("", page)
    assert ask(made, "/").body == b"the front page"
    assert ask(made, "//evil.example/").status == 404
