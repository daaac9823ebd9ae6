"""What callers hear of handlers that misbehave, and what the log hears."""

import json
from typing import Any

import pytest

from lamppost.declare.events import Response
from lamppost.errors import CallerError, FieldError
from lamppost.runtime import encode
from tests.bad_inputs import Called, event

PROBE = "tests.data.probe.services.probe.service"


@pytest.fixture(scope="module")
def probe() -> Called:
    return Called(PROBE)


def test_a_handler_that_raises_tells_the_caller_nothing_and_the_log_everything(probe: Called) -> None:
    probe.lines.clear()
    answer = probe("GET /fail")
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (500, "internal_error")
    assert "hunter2" not in answer["body"]
    (line,) = map(json.loads, probe.lines)
    assert (line["message"], line["kind"]) == ("request.failed", "RuntimeError")
    assert "hunter2" in line["error"]
    assert any("in fail" in part for part in line["stack"])


def test_what_cannot_be_sent_is_a_500(probe: Called) -> None:
    assert probe("GET /nonsense")["statusCode"] == 500


@pytest.mark.parametrize("status", [-1, 0, 99, 100, 199, 600, 99999])
def test_a_status_that_is_none_is_a_500(probe: Called, status: int) -> None:
    assert probe("GET /status", query=f"code={status}")["statusCode"] == 500


@pytest.mark.parametrize("text", ["a%0d%0aset-cookie:%20b=1", "a%0aX:%201", "a%0d", "a%0bb"])
def test_a_line_break_does_not_get_into_a_header(probe: Called, text: str) -> None:
    answer = probe("GET /say", query=f"value={text}")
    assert answer["statusCode"] == 500
    assert "x-said" not in answer["headers"]


@pytest.mark.parametrize("name", ["a b", "a:b", "", "a\r\nb", "é"])
def test_a_header_has_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="no header"):
        encode.answer(Response(headers={name: "a"}), 200)


def test_a_cookie_stays_on_its_line() -> None:
    with pytest.raises(ValueError, match="no header"):
        encode.answer(Response(cookies=("a=1\r\nX: 1",)), 200)


def test_a_response_may_be_bytes_with_headers_and_cookies() -> None:
    given = Response(203, b"\xff\x00", {"Content-Type": "image/png", "Set-Cookie": "c=3"}, ("a=1", "b=2"))
    assert encode.answer(given, 200) == {
        "statusCode": 203,
        "headers": {"content-type": "image/png"},
        "body": "/wA=",
        "isBase64Encoded": True,
        "cookies": ["a=1", "b=2", "c=3"],
    }


def test_a_refusal_can_quote_what_utf_8_cannot() -> None:
    refusal = CallerError(422, "odd", "no \ud800", errors=(FieldError("\udc00", "odd", "\ud800"),))
    answer = encode.problem(refusal, "1")
    assert json.loads(answer["body"])["errors"] == [{"path": "?", "code": "odd", "message": "?"}]


def test_a_status_without_a_phrase_is_sent_all_the_same() -> None:
    assert encode.problem(CallerError(499, "gone", "gone"), "1")["statusCode"] == 499


OLD = {"version": "1.0", "httpMethod": "GET", "path": "/thing", "requestContext": {"httpMethod": "GET"}}


@pytest.mark.parametrize(
    "given",
    [OLD, {}, [], None, "x", 1, {"requestContext": None}, {"requestContext": {"http": {"method": 1}}}],
    ids=["REST API", "empty", "list", "null", "text", "number", "no context", "no method"],
)
def test_an_event_of_another_kind_is_a_500_whose_reason_is_logged(probe: Called, given: Any) -> None:
    probe.lines.clear()
    answer = probe.raw(given)
    assert answer["statusCode"] == 500
    (line,) = map(json.loads, probe.lines)
    assert (line["message"], line["code"]) == ("request.failed", "unsupported_event")


def test_a_head_request_is_answered_without_a_body(probe: Called) -> None:
    answer = probe("HEAD /things")
    assert (answer["statusCode"], answer["body"]) == (200, "")
    refused = probe("HEAD /things", query="limit=x")
    assert (refused["statusCode"], refused["body"]) == (422, "")


def test_behind_a_catch_all_route_a_wrong_method_and_a_wrong_path_differ(probe: Called) -> None:
    elsewhere = {**event("ANY /{proxy+}"), "rawPath": "/things"}
    elsewhere["requestContext"] = {"http": {"method": "DELETE"}}
    answer = probe.raw(elsewhere)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (405, "method_not_allowed")
    answer = probe.raw({**elsewhere, "rawPath": "/nope"})
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "route_not_found")


def test_a_handler_that_hangs_is_left_behind_and_the_next_call_is_served() -> None:
    slow = Called(PROBE, "slow")
    answer = slow("GET /hang", remaining=0.2)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (503, "timeout")
    assert answer["headers"]["retry-after"] == "5"
    assert [json.loads(line)["message"] for line in slow.lines] == ["request.overdue"]
    assert json.loads(slow("GET /awake", query="limit=3")["body"])["limit"] == 3
