"""Every token that anyone may show, at the door of an API: let in, or refused clearly, and never a 5xx."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lamppost.errors import OperatorError
from lamppost.local.identity.door import Identity
from lamppost.local.identity.issuer import Issuer
from tests.bad_inputs import cases, is_refusal
from tests.issuer import Desk
from tests.wire import once, request


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("issuer"))
    yield made
    made.close()


@cases("tokens")
def test_a_token_opens_the_door_or_is_refused_with_its_code(desk: Desk, case: dict[str, Any]) -> None:
    heard = desk.call("/guarded/whoami", desk.forge(case) or None)
    if "code" not in case:
        assert (heard.status, heard.body) == (200, b"in")
        return
    is_refusal(heard.status, heard.headers, heard.body, case)
    if case["status"] == 401:
        assert heard.json["message"] == "Unauthorized"
        assert heard.headers["www-authenticate"].startswith("Bearer")


def test_the_function_hears_the_claims_as_api_gateway_writes_them(desk: Desk) -> None:
    claims = {"cognito:groups": ["a", "b"], "flag": True, "more": {"z": 1, "a": [2]}, "ratio": 0.5}
    desk.call("/guarded/written", desk.forge({"claims": {**claims, "scope": "things/write x"}}))
    authorizer = desk.events[-1]["requestContext"]["authorizer"]
    said = authorizer["jwt"]["claims"]
    assert authorizer["jwt"]["scopes"] == ["things/write", "x"]
    assert all(isinstance(value, str) for value in said.values())
    assert said["cognito:groups"] == "[a b]"
    assert said["more"] == "map[a:[2] z:1]"
    assert (said["flag"], said["ratio"], said["exp"]) == ("true", "0.5", str(int(desk.now) + 900))

    desk.whoami(desk.token())
    assert desk.events[-1]["requestContext"]["authorizer"]["jwt"]["scopes"] is None


def test_a_route_that_asks_for_scopes_refuses_a_token_without_any_of_them(desk: Desk) -> None:
    heard = desk.call("/guarded/written", f"Bearer {desk.token(scope='openid')}")
    is_refusal(heard.status, heard.headers, heard.body, {"status": 403, "code": "insufficient_scope"})
    assert heard.json["message"] == "Forbidden"
    assert 'scope="things/write" error="insufficient_scope"' in heard.headers["www-authenticate"]
    assert desk.call("/guarded/both", f"Bearer {desk.token(scope='things/read')}").status == 200


def test_two_authorization_headers_are_none(desk: Desk) -> None:
    token = desk.token()
    heard = desk.call("/guarded/whoami", f"Bearer {token}", Authorization=f"Bearer {token}")
    is_refusal(heard.status, heard.headers, heard.body, {"status": 401, "code": "invalid_token"})


@pytest.mark.parametrize("name", ["access_token", "token", "authorization"])
def test_a_token_in_the_query_is_not_read(desk: Desk, name: str) -> None:
    assert desk.call(f"/guarded/whoami?{name}={desk.token()}").status == 401


def test_an_open_route_and_an_open_door_ask_for_nothing(desk: Desk) -> None:
    for path in ("/guarded/open", "/ajar/whoami"):
        assert desk.call(path).status == 200
        assert "authorizer" not in desk.events[-1]["requestContext"]
        assert desk.call(path, "Bearer nonsense").status == 200


def test_a_head_request_is_guarded_as_its_get(desk: Desk) -> None:
    assert once(desk.base, request("HEAD", "/guarded/whoami"), "HEAD").status == 401


def test_what_is_not_routed_is_not_told_apart_by_a_token(desk: Desk) -> None:
    assert desk.call("/guarded/nowhere").status == 404


def test_a_token_of_another_system_is_a_strangers(desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path)
    try:
        theirs = other.token()
        assert other.whoami(theirs).status == 200
        assert desk.whoami(theirs).status == 401
        # Under the same address, too: a data folder that was thrown away and made anew.
        other.issuer.at(desk.url)
        assert desk.whoami(other.token()).status == 401
    finally:
        other.close()


def test_an_id_token_of_ours_opens_nothing(desk: Desk) -> None:
    claims = {**desk.standard(), "token_use": "id", "aud": "guarded-app", "cognito:username": "ada"}
    del claims["client_id"]
    token = desk.sign(
        json.dumps({"alg": "RS256", "kid": desk.key().kid}).encode(), json.dumps(claims).encode()
    )
    assert desk.whoami(token).status == 401


def test_a_verified_token_is_remembered_no_longer_than_it_lives(desk: Desk) -> None:
    began = desk.now
    token = desk.token()
    assert desk.whoami(token).status == 200
    try:
        desk.now = began + 1799
        assert desk.whoami(token).status == 200
        desk.now = began + 1800
        heard = desk.whoami(token)
        assert (heard.status, heard.json["code"]) == (401, "token_expired")
    finally:
        desk.now = began


def test_what_was_remembered_does_not_vouch_for_a_changed_signature(desk: Desk) -> None:
    token = desk.token()
    assert desk.whoami(token).status == 200
    head, claims, signature = token.split(".")
    forged = desk.sign(b"{}", b"{}", "stranger").split(".")[2]
    assert desk.whoami(f"{head}.{claims}.{forged}").status == 401
    assert desk.whoami(f"{head}.{claims}.{signature}").status == 200


def test_tokens_and_people_survive_a_restart(tmp_path: Path) -> None:
    before = Desk(tmp_path)
    token, subject = before.token(), before.token().split(".")[1]
    url = before.url
    before.close()
    after = Desk(tmp_path)
    try:
        after.issuer.at(url)
        assert after.whoami(token).status == 200
        assert after.events[-1]["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] in _decoded(subject)
    finally:
        after.close()


def test_a_rotated_key_signs_no_more_and_verifies_while_its_tokens_live(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        old = desk.token()
        first = desk.key().kid
        second = desk.run(desk.issuer.rotate())
        assert second != first
        assert [desk.whoami(token).status for token in (old, desk.token())] == [200, 200]
        assert _kids(desk) == [first, second]
        desk.now += 86_401
        desk.run(desk.issuer.rotate())
        assert first not in _kids(desk)
        assert second in _kids(desk)
        for name in ("keys.json", "keys.lock"):
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    finally:
        desk.close()


def test_before_anyone_asked_for_a_token_no_key_is_made(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        token = desk.sign(b'{"alg":"RS256","kid":"a"}', json.dumps(desk.standard()).encode(), "nothing")
    finally:
        desk.close()
    fresh = Desk(tmp_path / "fresh")
    try:
        assert fresh.whoami(token + "AAAA").status == 401
        assert not (tmp_path / "fresh" / "keys.json").exists()
    finally:
        fresh.close()


@pytest.mark.parametrize("stage", ["dev", "prod", "pr-12"])
def test_the_issuer_exists_in_the_local_stage_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv("LAMPPOST_STAGE", stage)
    for made in (Issuer, Identity):
        with pytest.raises(OperatorError) as refused:
            made(tmp_path)
        assert refused.value.code == "issuer_not_local"


def test_nothing_a_token_names_is_fetched(desk: Desk) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/jwks.json"
    for header in ({"jku": url}, {"x5u": url}):
        assert desk.call("/guarded/whoami", desk.forge({"header": header, "sign": "stranger"})).status == 401
    assert (
        desk.call("/guarded/whoami", desk.forge({"claims": {"iss": url}, "sign": "stranger"})).status == 401
    )
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def _kids(desk: Desk) -> list[str]:
    return [key["kid"] for key in desk.call("/_identity/jwks.json").json["keys"]]


def _decoded(part: str) -> str:
    return base64.urlsafe_b64decode(part + "==").decode()
