"""What a handler may refuse, in which shape, and what is checked of its parameters."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bad_inputs import Called, event

MAPPED = "tests.data.mapped.services.mapped.service"


@pytest.fixture
def mapped() -> Called:
    return Called(MAPPED)


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LAMPPOST_STAGE", "prod")
    yield


def ask(called: Called, key: str, body: bytes | None = None, *, query: str = "") -> dict[str, Any]:
    asked = event(key, body, query=query)
    asked["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": "ada"}}}
    return called.raw(asked)


def wish(called: Called, text: str) -> tuple[int, dict[str, object]]:
    answer = ask(called, "POST /wish", json.dumps({"text": text}).encode())
    return answer["statusCode"], json.loads(answer["body"])


def test_a_stated_refusal_has_the_services_own_shape(mapped: Called) -> None:
    assert wish(mapped, "gold") == (409, {"error": "other", "message": "there is none left", "details": []})


def test_a_status_of_ours_becomes_the_services_own(mapped: Called) -> None:
    status, body = wish(mapped, "")
    assert (status, body["error"], body["details"]) == (400, "unfit", ["text invalid_value"])


def test_a_refusal_nobody_stated_is_a_mistake_on_one_machine(mapped: Called) -> None:
    status, body = wish(mapped, "lead")
    assert (status, body["error"]) == (500, "other")
    (line,) = map(json.loads, mapped.lines)
    assert line["code"] == "refusal_unstated"
    assert "'409 nobody_said_so', which it does not state" in line["error"]


@pytest.mark.usefixtures("on_aws")
def test_a_refusal_nobody_stated_goes_out_elsewhere_and_is_logged(mapped: Called) -> None:
    status, body = wish(mapped, "lead")
    assert (status, body["message"]) == (409, "this is stated nowhere")
    (line,) = map(json.loads, mapped.lines)
    assert (line["message"], line["refusal"]) == ("refusal.unstated", "409 nobody_said_so")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200), ("limit=50", 200), ("limit=51", 400), ("limit=0", 400), ("limit=null", 400),
        ("exact=true", 200), ("exact=false", 200), ("exact=1", 400), ("exact=True", 400), ("word=null", 200),
        ("since=2025-01-01T00:00:00Z", 200), ("since=0.5", 400), ("since=1763715600", 400),
        ("since=null", 400),
    ],
)  # fmt: skip
def test_a_parameter_is_held_to_its_bounds_and_one_spelling(mapped: Called, query: str, status: int) -> None:
    assert ask(mapped, "GET /wish", query=query)["statusCode"] == status


def test_a_method_that_is_not_offered_is_told_what_is(mapped: Called) -> None:
    asked = event("ANY /wish/{id}", path={"id": "1"})
    asked["rawPath"] = "/wish/1"
    asked["requestContext"]["http"]["method"] = "PATCH"
    answer = mapped.raw(asked)
    assert (answer["statusCode"], answer["headers"]["allow"]) == (405, "DELETE, GET, HEAD")
    assert json.loads(answer["body"])["error"] == "not_offered"
