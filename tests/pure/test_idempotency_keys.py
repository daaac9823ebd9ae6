"""What an Idempotency-Key may look like, and when two requests are the same."""

from typing import Any

import pytest

from lamppost.declare.identity import Caller
from lamppost.errors import CallerError
from lamppost.runtime.idempotency import key_of, request_of
from tests.bad_inputs import event

KEPT = 3600.0


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"a\\"b\\\\c"', 'a"b\\c'),
        ("x", "x"),
        ("~!#$%&'*+.^_`|:/=@", "~!#$%&'*+.^_`|:/=@"),
        ('"a,b"', "a,b"),
        ("  k1\t", "k1"),
        ("a" * 255, "a" * 255),
        (f'"{"a" * 255}"', "a" * 255),
    ],
)
def test_a_key_is_a_structured_string_or_the_same_without_quotes(given: str, key: str) -> None:
    assert key_of({"idempotency-key": given}) == key


@pytest.mark.parametrize(
    "given",
    [
        "", " ", '""', '"', '"a', 'a"', '"a" "b"', '"a", "b"', "a,b", "a b", '"a b"', "a\tb", '"a";p=1', "ä",
        "\x00", "a\x7f", '"a\\b"', "a" * 256, f'"{"a" * 256}"', "👋", "a\\b",
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(given: str) -> None:
    with pytest.raises(CallerError) as refusal:
        key_of({"idempotency-key": given})
    assert (refusal.value.status, refusal.value.code) == (400, "idempotency_key_invalid")


def test_a_missing_key_has_a_code_of_its_own() -> None:
    with pytest.raises(CallerError) as refusal:
        key_of({})
    assert (refusal.value.status, refusal.value.code) == (400, "idempotency_key_missing")


def asked(**changes: Any) -> dict[str, Any]:
    return {**event("POST /order", b'{"name":"one"}'), **changes}


def digest(given: dict[str, Any]) -> bytes:
    return request_of("k", given, "shop", None, KEPT).digest


def test_a_request_is_its_method_path_query_and_body() -> None:
    put = asked(requestContext={"http": {"method": "PUT"}})
    others = (
        asked(),
        put,
        asked(rawPath="/orders"),
        asked(rawQueryString="a"),
        asked(body="", isBase64Encoded=False),
        asked(rawPath="/order1", rawQueryString=""),
        asked(rawPath="/order", rawQueryString="1"),
    )
    assert len({digest(other) for other in others}) == len(others)


def test_how_a_request_was_carried_does_not_make_it_another() -> None:
    plain = asked(body='{"name":"one"}', isBase64Encoded=False, headers={"authorization": "Bearer renewed"})
    assert digest(plain) == digest(asked())


def test_a_scope_tells_services_callers_and_strangers_apart() -> None:
    def scope(service: str, caller: Caller | None, **changes: Any) -> str:
        return request_of("k", asked(**changes), service, caller, KEPT).scope

    scopes = {
        scope("shop", Caller("ada")),
        scope("shop", Caller("ben")),
        scope("mill", Caller("ada")),
        scope("shop", None),
        scope("shop", None, headers={"authorization": "Bearer a"}),
        scope("shop", None, cookies=["session=a"]),
        scope("shop", Caller("a" * 10_000)),
        scope("shop", Caller("a" * 9_999)),
    }
    assert len(scopes) == 8
    assert max(map(len, scopes)) < 300
