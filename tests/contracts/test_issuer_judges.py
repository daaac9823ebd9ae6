"""A function that judges callers, asked and believed as API Gateway does (payload 2.0, simple answers).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lamppost.local import authorizers
from lamppost.local.functions.spec import Result
from tests.bad_inputs import is_refusal
from tests.issuer import Desk


class JudgedDesk(Desk):
    """Answers as `verdict` says, and counts."""

    verdict: Any = {"isAuthorized": True, "context": {"sub": "friend-1", "n": 1, "list": ["a"]}}
    failing: bool = False
    asked: list[dict[str, Any]]

    def judge(self, event: dict[str, Any]) -> Result:
        self.asked.append(event)
        if self.failing:
            return Result(b'{"errorMessage":"hunter2"}', error="Unhandled")
        return Result(self.verdict if isinstance(self.verdict, bytes) else json.dumps(self.verdict).encode())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[JudgedDesk]:
    made = JudgedDesk(tmp_path)
    made.asked = []
    yield made
    made.close()


def test_it_is_asked_with_the_request_and_its_answer_is_handed_on(desk: JudgedDesk) -> None:
    assert desk.call("/judged/whoami?a=1", "friend", cookie="c=d").status == 200
    (asked,) = desk.asked
    where = "arn:aws:execute-api:us-east-2:000000000000:judged/$default/GET/whoami"
    assert (asked["version"], asked["type"], asked["routeArn"]) == ("2.0", "REQUEST", where)
    assert (asked["identitySource"], asked["routeKey"]) == (["friend"], "GET /whoami")
    assert (asked["rawPath"], asked["queryStringParameters"], asked["cookies"]) == (
        "/whoami",
        {"a": "1"},
        ["c=d"],
    )
    assert asked["headers"]["authorization"] == "friend"
    assert asked["requestContext"]["http"]["method"] == "GET"
    assert "body" not in asked
    assert desk.events[-1]["requestContext"]["authorizer"] == {"lambda": desk.verdict["context"]}


def test_its_answer_is_kept_for_each_identity_and_all_routes(
    desk: JudgedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/judged/whoami", "/judged/written", "/judged/whoami"):
        assert desk.call(path, "friend").status == 200
    assert len(desk.asked) == 1
    desk.call("/judged/whoami", "other friend")
    assert len(desk.asked) == 2
    monkeypatch.setattr(authorizers.time, "monotonic", lambda: float("1e12"))
    desk.call("/judged/whoami", "friend")
    assert len(desk.asked) == 3


def test_a_refusal_is_kept_too(desk: JudgedDesk) -> None:
    desk.verdict = {"isAuthorized": False}
    for _ in range(2):
        heard = desk.call("/judged/whoami", "foe")
        is_refusal(heard.status, heard.headers, heard.body, {"status": 403, "code": "forbidden"})
        assert heard.json["message"] == "Forbidden"
    assert len(desk.asked) == 1


def test_without_the_header_it_is_not_asked(desk: JudgedDesk) -> None:
    for given in (None, ""):
        heard = desk.call("/judged/whoami", given)
        is_refusal(heard.status, heard.headers, heard.body, {"status": 401, "code": "unauthenticated"})
    assert desk.asked == []


@pytest.mark.parametrize(
    "verdict",
    [
        b"",
        b"null",
        b"true",
        {},
        {"isAuthorized": "true"},
        {"isAuthorized": 1},
        {"isAuthorized": True, "context": "sub"},
        {"principalId": "x", "policyDocument": {"Version": "2012-10-17", "Statement": []}},
    ],
)
def test_an_answer_that_is_none_lets_nobody_in_and_is_not_kept(desk: JudgedDesk, verdict: Any) -> None:
    desk.verdict = verdict
    for _ in range(2):
        heard = desk.call("/judged/whoami", "friend")
        is_refusal(heard.status, heard.headers, heard.body, {"status": 500, "code": "authorizer_failed"})
        assert heard.json["message"] == "Internal Server Error"
    assert len(desk.asked) == 2
    assert "isAuthorized" in desk.log[-1]


def test_a_failing_one_lets_nobody_in_and_tells_the_log_alone(desk: JudgedDesk) -> None:
    desk.failing = True
    heard = desk.call("/judged/whoami", "friend")
    assert heard.status == 500
    assert b"hunter2" not in heard.body
    assert "authorizer.failed" in desk.log[-1]
    desk.failing = False
    assert desk.call("/judged/whoami", "friend").status == 200


def test_what_is_remembered_is_bounded(desk: JudgedDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizers, "REMEMBERED", 3)
    for number in (0, 1, 2, 3, 0):
        desk.call("/judged/whoami", f"friend {number}")
    assert len(desk.asked) == 5
