"""Whatever is asked below /user, in whatever words: nobody gets a 5xx."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lamppost.db.pool import close_pool
from tests.bad_inputs import Called
from tests.running import House
from tests.wire import once, request

FIELDS = ["firstName", "lastName", "dateOfBirth", "timezone", "leapDay"]
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# Near misses find more than noise does: a real person of whom a few fields are anything.
PERSON = st.fixed_dictionaries(
    {
        "firstName": st.text(st.characters(exclude_categories=()), max_size=110) | ANY,
        "lastName": st.just("Lovelace") | ANY,
        "dateOfBirth": st.dates().map(str) | st.text("0123456789-", max_size=11) | ANY,
        "timezone": st.sampled_from(["UTC", "Europe/London", "Pacific/Apia", "utc"]) | ANY,
    },
    optional={"leapDay": st.sampled_from(["march-1", "february-28"]) | ANY, "more": ANY},
)
BODIES = (PERSON | ANY).map(json.dumps).map(str.encode) | st.binary(max_size=200)
IDS = st.uuids().map(str) | st.text(st.characters(exclude_categories=("Cs",)), max_size=60).map(
    lambda text: quote(text, safe="")
)
RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def called(house: House) -> Iterator[Called]:
    """The API within this process, on the running system's database."""
    url = house.running["postgres"].rpartition("/")[0] + "/bday"
    os.environ["DATABASE_URL"] = url
    yield Called("services.birthday.service")
    del os.environ["DATABASE_URL"]
    close_pool()


def is_well_formed(status: int, body: bytes) -> None:
    assert 200 <= status < 500, body
    if status >= 400:
        problem: dict[str, Any] = json.loads(body)
        assert problem["status"] == status
        assert problem["code"]
        assert problem["requestId"]


@settings(max_examples=400, deadline=None, suppress_health_check=RELAXED)
@given(body=BODIES)
def test_any_body_makes_a_person_or_a_refusal(called: Called, body: bytes) -> None:
    answer = called("POST /user", body)
    is_well_formed(answer["statusCode"], answer["body"].encode())


@settings(max_examples=400, deadline=None, suppress_health_check=RELAXED)
@given(
    person=st.uuids().map(str) | st.text(st.characters(exclude_categories=())),
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
    body=BODIES,
    query=st.text(max_size=50),
)
def test_any_id_is_a_person_or_nobody(
    called: Called, person: str, method: str, body: bytes, query: str
) -> None:
    answer = called(f"{method} /user/{{id}}", body, query=query, path={"id": person})
    is_well_formed(answer["statusCode"], answer["body"].encode())


@settings(max_examples=200, deadline=None, suppress_health_check=RELAXED)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    path=st.just("") | IDS.map(lambda text: f"/{text}"),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=40),
    content_type=st.sampled_from(
        ["application/json", "application/json; charset=utf-8", "text/plain", "", "é"]
    ),
    body=BODIES,
)
def test_any_request_below_user_is_answered(
    house: House, method: str, path: str, query: str, content_type: str, body: bytes
) -> None:
    raw = request(method, f"/birthday/user{path}?{query}", {"content-type": content_type}, body)
    heard = once(house.running["apis"]["birthday"], raw, method)
    if method == "HEAD":
        assert heard.status < 500
    else:
        is_well_formed(heard.status, heard.body)
