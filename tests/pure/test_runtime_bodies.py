"""What a function makes of the bodies that anyone may send it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lamppost.errors import CallerError
from lamppost.runtime import body
from tests.bad_inputs import Called, cases, event, is_refusal, sent

PROBE = "tests.data.probe.services.probe.service"


@pytest.fixture(scope="module")
def probe() -> Called:
    return Called(PROBE)


@cases("bodies")
def test_a_body_is_understood_or_refused_with_its_reason_and_place(
    probe: Called, case: dict[str, Any]
) -> None:
    answer = probe("POST /thing", sent(case["send"]), case.get("headers"))
    if case["status"] == 201:
        assert answer["statusCode"] == 201, answer["body"]
        thing = json.loads(answer["body"])
        assert {name: thing[name] for name in case.get("echo", {})} == case.get("echo", {})
    else:
        is_refusal(answer["statusCode"], answer["headers"], answer["body"].encode(), case)


def test_a_body_that_says_it_is_base64_and_is_not_is_refused(probe: Called) -> None:
    broken = {**event("POST /thing", b"{}"), "body": "!!"}
    answer = probe.raw(broken)
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "invalid_base64")


def test_a_log_line_cannot_be_forged_by_a_name(probe: Called) -> None:
    probe.lines.clear()
    probe("POST /thing", json.dumps({"name": 'a\n{"level":"info","message":"forged"}'}).encode())
    assert [json.loads(line)["message"] for line in probe.lines if line.strip()] == ["thing.made"]


def test_a_refusal_does_not_give_back_what_was_sent_at_length(probe: Called) -> None:
    answer = probe("POST /thing", b'{"name":"a","' + b"b" * 5_000_000 + b'":1}')
    assert answer["statusCode"] == 422
    assert len(answer["body"]) < 2000


# Numbers that floats can hold, texts of any kind: the rest of JSON follows from nesting them.
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "city"]), inner),
)


@given(ANY_JSON)
@example({"name": "a", "labels": {"b": ":"}})
def test_names_that_stand_once_are_never_taken_for_twice(document: Any) -> None:
    for raw in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        # What Python writes as half of a surrogate pair is refused, and not for its names.
        try:
            understood = body.read(event("POST /", raw.encode("utf-8", "surrogatepass")), Any)
        except CallerError as refused:
            assert refused.code in ("invalid_text", "invalid_utf8", "too_deep", "invalid_value")
        else:
            assert understood == document


@given(st.binary() | st.text(alphabet='{}[]":,\\u0d8nametrue \x00').map(str.encode))
def test_any_bytes_are_a_value_or_a_refusal(raw: bytes) -> None:
    try:
        body.read(event("POST /", raw), Any)
    except CallerError as refused:
        assert refused.status in (400, 422)


@given(st.lists(st.sampled_from('[]{}"\\a:,'), max_size=200).map("".join))
def test_brackets_are_counted_as_a_parser_counts_them(text: str) -> None:
    deep = "[" * 30 + text
    try:
        body.read(event("POST /", deep.encode()), Any)
    except CallerError as refused:
        assert (refused.code == "too_deep") == (_depth(deep) > body.MAX_DEPTH)
    else:
        assert _depth(deep) <= body.MAX_DEPTH


def _depth(text: str) -> int:
    """The deepest nesting, told letter by letter."""
    depth = deepest = 0
    within = escaped = False
    for letter in text:
        if within:
            within, escaped = (True, False) if escaped else (letter != '"', letter == "\\")
        elif letter == '"':
            within = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


class Wide(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    wide: int = 0


def test_a_field_with_a_default_that_was_not_sent_is_no_missing_name() -> None:
    assert body.read(event("POST /", b'{"text":"a:b"}'), Wide) == Wide("a:b")
