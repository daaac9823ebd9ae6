"""Everything that anyone may send, over the wire against a running system: understood, or refused clearly."""

import gzip
import json
from typing import Any

import pytest

from tests.bad_inputs import cases, is_refusal, sent
from tests.running import House
from tests.wire import Heard, once, request

JSON = {"content-type": "application/json"}
ADA = {"firstName": "Ada", "lastName": "Lovelace", "dateOfBirth": "1990-12-10", "timezone": "Europe/London"}


def check(heard: Heard, case: dict[str, Any]) -> None:
    if "code" not in case:
        assert heard.status == case["status"], heard.body
        if "json" in case:
            assert heard.json == case["json"]
    else:
        is_refusal(heard.status, heard.headers, heard.body, case)


@cases("bodies")
def test_a_body_is_understood_or_refused_with_its_reason_and_place(
    probe: House, case: dict[str, Any]
) -> None:
    headers = {**JSON, **case.get("headers", {})}
    heard = once(probe.running["apis"]["probe"], request("POST", "/probe/thing", headers, sent(case["send"])))
    check(heard, case)
    if heard.status == 201:
        assert {name: heard.json[name] for name in case.get("echo", {})} == case.get("echo", {})


@cases("targets")
def test_a_target_is_found_or_refused(probe: House, case: dict[str, Any]) -> None:
    method = case.get("method", "GET")
    raw = request(method, case["target"] + case.get("more", ""))
    heard = once(probe.running["apis"]["probe"], raw, method)
    check(heard, case)
    assert "location" not in heard.headers
    assert heard.cookies == []


@cases("headers")
def test_a_header_is_borne_or_refused(probe: House, case: dict[str, Any]) -> None:
    given = {
        name: value if isinstance(value, str) else sent(value).decode()
        for name, value in case["send"].items()
    }
    heard = once(probe.running["apis"]["probe"], request("GET", "/probe/things?limit=3", given))
    check(heard, case)
    assert b"evil.example" not in heard.body
    assert "evil.example" not in str(heard.headers)


def register(house: House, **changes: object) -> Heard:
    body = json.dumps({**ADA, **changes}).encode()
    return once(house.running["apis"]["birthday"], request("POST", "/birthday/user", JSON, body))


@pytest.mark.parametrize("field", ["firstName", "lastName"])
@cases("names")
def test_a_name_is_kept_or_refused(house: House, field: str, case: dict[str, Any]) -> None:
    heard = register(house, **{field: case["send"]})
    if "kept" in case:
        assert heard.status == 201, heard.body
        assert heard.json[field] == case["kept"]
    else:
        check(heard, {"status": 422, "code": "invalid_text", "path": field})


@cases("zones")
def test_a_zone_is_kept_as_given_or_refused_with_a_hint(house: House, case: dict[str, Any]) -> None:
    heard = register(house, timezone=case["send"])
    if case.get("ok"):
        assert heard.status == 201, heard.body
        assert heard.json["timezone"] == case["send"]
        return
    check(heard, {"status": 422, "code": case.get("code", "unknown_time_zone"), "path": "timezone"})
    if "meant" in case:
        assert f"did you mean {case['meant']}?" in heard.json["detail"]


@cases("dates")
def test_a_date_is_a_day_that_was_or_refused(house: House, case: dict[str, Any]) -> None:
    heard = register(house, dateOfBirth=case["send"])
    if case.get("ok"):
        assert heard.status == 201, heard.body
        assert heard.json["dateOfBirth"] == case["send"]
    else:
        check(heard, {"status": 422, "code": case.get("code", "invalid_date"), "path": "dateOfBirth"})


def test_a_change_is_refused_as_a_new_person_is_and_leaves_the_person_alone(house: House) -> None:
    person = house.register()
    for field, wrong, code in (
        ("firstName", " ", "invalid_text"),
        ("lastName", None, "required"),
        ("dateOfBirth", "2026-02-29", "invalid_date"),
        ("timezone", "Junk5", "unknown_time_zone"),
        ("leapDay", "april-1", "invalid_value"),
        ("id", "00000000-0000-0000-0000-000000000002", "unknown_field"),
        ("createdAt", "2000-01-01T00:00:00Z", "unknown_field"),
    ):
        answer = house.ask("PUT", f"/user/{person['id']}", {field: wrong})
        assert (answer.status, answer.json["code"], answer.json["errors"][0]["path"]) == (422, code, field)
    assert house.ask("GET", f"/user/{person['id']}").json == person


def test_eleven_megabytes_are_refused_at_the_door(probe: House) -> None:
    body = b'{"name":"' + b"a" * 10_485_761 + b'"}'
    heard = once(probe.running["apis"]["probe"], request("POST", "/probe/thing", JSON, body))
    assert (heard.status, heard.json["code"]) == (413, "body_too_large")


def test_more_than_a_function_takes_is_refused_before_it_is_called(probe: House) -> None:
    body = b'{"name":"' + b"a" * 6_300_000 + b'"}'
    heard = once(probe.running["apis"]["probe"], request("POST", "/probe/thing", JSON, body))
    assert (heard.status, heard.json["code"]) == (413, "body_too_large")


def test_a_bomb_is_not_defused_but_refused(probe: House) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    headers = {**JSON, "content-encoding": "gzip"}
    heard = once(probe.running["apis"]["probe"], request("POST", "/probe/thing", headers, bomb))
    assert (heard.status, heard.json["code"]) == (415, "unsupported_encoding")


def test_a_person_is_found_under_an_id_in_capitals_and_under_no_other(house: House) -> None:
    person = house.register()
    assert house.ask("GET", f"/user/{person['id'].upper()}").json["id"] == person["id"]
    for wrong in ("1", person["id"][:-1], person["id"] + "0", "%00", "..", "a" * 5000):
        assert house.ask("GET", f"/user/{wrong}").status == 404
    answer = house.ask("GET", "/user/00000000-0000-4000-8000-000000000000")
    assert (answer.status, answer.json["code"]) == (404, "USER_NOT_FOUND")


def test_what_a_name_says_to_a_log_or_a_terminal_stays_in_the_name(probe: House) -> None:
    said = 'a\n{"level":"info","message":"forged"}\x1b[2J'
    assert probe.ask("POST", "/thing", {"name": said}, api="probe").status == 201
    logged = probe.logs("probe-api")
    assert "\x1b" not in logged
    assert not [line for line in logged.splitlines() if line.startswith('{"level":"info","message":"forged"')]
