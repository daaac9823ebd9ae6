"""CORS of an HTTP API, as API Gateway documents it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

import asyncio
import json
import tempfile
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lamppost.declare.cors import Cors
from lamppost.declare.service import System
from lamppost.derive.describe import describe
from lamppost.errors import AuthorError
from lamppost.local.authorizers import Authorizers
from lamppost.local.functions.spec import Result
from lamppost.local.gateway import Gateway
from lamppost.local.http import Request, Response
from lamppost.local.identity.door import Identity
from lamppost.observe.log import Log

APP = "https://app.example"
EXACT = Cors(
    origins=(APP, "https://{env}.app.example"), expose=("x-trace-id",), local=("http://localhost:5173",)
)
SAID = {"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "9", "vary": "accept"}
OWN = json.dumps({"statusCode": 200, "headers": SAID}).encode()
ANSWERED = Result(OWN)


class Front:
    """A gateway before one service with these rules; `asked` counts what reached its function."""

    def __init__(self, cors: Cors | None, result: Result = ANSWERED) -> None:
        self.asked = 0

        async def invoke(_: str, __: bytes) -> Result:
            self.asked += 1
            return result

        identity = Identity(Path(tempfile.mkdtemp()))
        self._gateway = Gateway(invoke, Authorizers(identity.verify, invoke, Log()))
        service: Any = import_module("tests.data.probe.services.probe.service").service
        changed = type(service)(
            **{name: getattr(service, name) for name in service.__struct_fields__} | {"cors": cors}
        )
        self._gateway.describe(describe(System((changed,)), {"probe": ""}))

    def __call__(self, method: str = "GET", path: str = "/probe/things", **headers: str) -> Response:
        given = {"host": "127.0.0.1", **{name.replace("_", "-"): text for name, text in headers.items()}}
        request = Request(method, path, "", given, b"", "127.0.0.1")

        async def call() -> Response:
            return await self._gateway(request)

        return asyncio.run(call())

    def preflight(self, origin: str, method: str = "POST", path: str = "/probe/thing") -> Response:
        """What a browser asks before it lets a page POST JSON."""
        return self(
            "OPTIONS", path, origin=origin, access_control_request_method=method,
            access_control_request_headers="content-type",
        )  # fmt: skip


def told(answer: Response) -> dict[str, str]:
    """What the answer says about CORS."""
    return {name: text for name, text in answer.headers.items() if name.startswith("access-control-")}


def test_the_gateway_answers_a_preflight_itself_without_an_options_route():
    front = Front(EXACT)
    answer = front.preflight(APP)
    assert (answer.status, answer.body, front.asked) == (204, b"", 0)
    assert told(answer) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET,HEAD,POST",
        "access-control-allow-headers": "authorization,content-type,idempotency-key",
        "access-control-expose-headers": "x-trace-id",
        "access-control-max-age": "3600",
    }
    assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:444",
        "https://APP.example", "https://app.example/", "null", "", "https://prod.app.example", "*",
    ],
)  # fmt: skip
def test_a_page_that_is_not_let_in_hears_nothing_of_cors(origin):
    front = Front(EXACT)
    assert front.preflight(origin).status == 204
    assert told(front.preflight(origin)) == {}
    assert told(front(origin=origin)) == {}
    assert front(origin=origin).headers["vary"] == "accept, origin"


@pytest.mark.parametrize("origin", [APP, "https://dev.app.example", "http://localhost:5173"])
def test_a_page_that_is_let_in_may_read_the_answer(origin):
    answer = Front(EXACT)(origin=origin)
    assert told(answer) == {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "x-trace-id",
    }


def test_what_a_function_says_about_cors_is_ignored_where_it_is_declared_and_kept_where_it_is_not():
    assert told(Front(EXACT)()) == {}
    assert told(Front(None)()) == {"access-control-allow-origin": "*", "access-control-max-age": "9"}


def test_without_cors_an_options_request_is_the_functions_business():
    front = Front(None)
    front.preflight(APP)
    assert front.asked == 1


def test_options_without_both_headers_is_no_preflight():
    front = Front(EXACT)
    front("OPTIONS", origin=APP)
    front("OPTIONS", access_control_request_method="POST")
    assert front.asked == 2


def test_refusals_of_the_gateway_may_be_read_too():
    answer = Front(EXACT)(path="/probe/nowhere/at/all", origin=APP)
    assert (answer.status, told(answer)["access-control-allow-origin"]) == (404, APP)


@pytest.mark.parametrize(("origins", "said"), [(("*",), "*"), (("https://*",), APP), (("http://*",), None)])
def test_wildcards_are_those_of_api_gateway(origins, said):
    assert told(Front(Cors(origins=origins)).preflight(APP)).get("access-control-allow-origin") == said


def test_cookies_go_along_for_named_origins_only():
    answer = Front(Cors(origins=(APP,), credentials=True)).preflight(APP)
    assert told(answer)["access-control-allow-credentials"] == "true"
    for open_to_all in (
        {"origins": ("*",)},
        {"origins": ("https://*",)},
        {"origins": (APP,), "headers": ("*",)},
    ):
        with pytest.raises(AuthorError) as refused:
            Cors(credentials=True, **open_to_all)
        assert refused.value.code == "cors_open_to_all"


@pytest.mark.parametrize(
    "wrong",
    [
        {"origins": ()},
        {"origins": ("app.example",)},
        {"origins": ("https://app.example/",)},
        {"origins": ("https://*.example",)},
        {"origins": (APP,), "headers": ("a b",)},
        {"origins": (APP,), "max_age": timedelta(days=2)},
    ],
)
def test_what_api_gateway_would_not_take_is_refused_when_it_is_written(wrong):
    with pytest.raises(AuthorError):
        Cors(**wrong)


def test_who_is_turned_away_for_now_hears_when_to_come_again():
    answer = Front(EXACT, Result(b"", "Unhandled", throttled=True))(origin=APP)
    assert (answer.status, answer.headers["retry-after"]) == (429, "2")
