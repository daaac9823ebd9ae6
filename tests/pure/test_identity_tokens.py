"""Reading and believing tokens: whatever is done to one, it is the one that was signed, or a clear 401."""

import asyncio
import base64
import hashlib
import hmac
import json
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from lamppost.derive.manifest import AuthorizerEntry, RouteEntry
from lamppost.errors import AuthorError, CallerError, OperatorError
from lamppost.local.identity.clients import Client
from lamppost.local.identity.issuer import Issuer
from lamppost.runtime.identity import Guard, caller
from lamppost.tokens import access, compact
from lamppost.tokens.signed import Signer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "o" * 32, "n" * 48
SIGNER = Signer(f"{NEW}\n{OLD}\n", issuer="miyabi", lifetime=timedelta(hours=1))
B64 = string.ascii_letters + string.digits + "-_"
APP = Client("app", 3600.0, frozenset({"openid"}), ("shop",), asked=True)


def refused(token: str, signer: Signer = SIGNER, now: datetime = NOW) -> str:
    with pytest.raises(CallerError) as error:
        signer.verify(token, now=now)
    assert error.value.status == 401
    return error.value.code


class House:
    """An issuer and one good token of it."""

    def __init__(self, folder: Path) -> None:
        self.issuer = Issuer(folder)
        self.issuer.at("http://127.0.0.1:1/_identity")
        self.token = asyncio.run(self.issuer.token(APP, "ada", "openid", None))

    def opens(self, token: str) -> bool:
        try:
            asyncio.run(self.issuer.verifier.verify(token))
        except CallerError as error:
            assert (error.status, error.code) == (401, "invalid_token")
            return False
        return True


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("issuer"))


# --- changed in transit


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_changed_character_passes(house: House, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(house.token) - 1))
    other = data.draw(st.sampled_from(B64 + ".=+/ ~\n\x00é٣"))
    changed = house.token[:at] + other + house.token[at + 1 :]
    assume(changed != house.token)
    assert not house.opens(changed)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_nothing_put_in_or_taken_out_passes(house: House, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(house.token)))
    end = data.draw(st.integers(start, min(start + 40, len(house.token))))
    put = data.draw(st.text(B64 + ".=", max_size=40))
    changed = house.token[:start] + put + house.token[end:]
    assume(changed != house.token)
    assert not house.opens(changed)


@given(st.binary(max_size=60), st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_header_and_claims_pass_under_a_borrowed_signature(
    house: House, header: bytes, claims: bytes
) -> None:
    signature = house.token.rpartition(".")[2]
    assert not house.opens(f"{b64(header)}.{b64(claims)}.{signature}")


@given(st.text(max_size=200) | st.text(B64 + ".", max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_text_is_a_token(house: House, text: str) -> None:
    assert not house.opens(text)


def test_a_signature_has_one_spelling(house: House) -> None:
    """The last character's spare bits say nothing, so each would pass."""
    ours = SIGNER.issue("user-1", now=NOW).token
    for other in B64:
        if other != ours[-1]:
            refused(ours[:-1] + other)
        if other != house.token[-1]:
            assert not house.opens(house.token[:-1] + other)


# --- well signed, and strange

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(["sub", "exp", "iat", "nbf", "jti", "scope", "iss", "token_use", "aud", "x"]), ODD)
@settings(max_examples=400, deadline=None)
def test_a_claim_of_any_shape_is_believed_or_refused(name: str, said: Any) -> None:
    claims = {**standard(), name: said}
    token = hs256({"alg": "HS256", "kid": kid(NEW), "typ": "at+jwt"}, json.dumps(claims).encode(), NEW)
    try:
        believed = SIGNER.verify(token, now=NOW)
    except CallerError as error:
        assert error.status == 401
        return
    assert isinstance(believed["sub"], str)
    assert believed["sub"]
    assert believed["iss"] == "miyabi"
    assert 0 < believed["exp"] - believed["iat"] <= 3600
    assert believed["exp"] > NOW.timestamp()


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_signed_nonsense_is_refused_without_another_error(raw: bytes) -> None:
    refused(hs256({"alg": "HS256", "kid": kid(NEW), "typ": "at+jwt"}, raw, NEW))


def test_a_million_brackets_are_refused_before_they_are_parsed() -> None:
    for raw in (b"[" * 6000, b'{"a":' * 1000, b'{"a":' + b"9" * 6000 + b"}"):
        refused(hs256({"alg": "HS256", "kid": kid(NEW), "typ": "at+jwt"}, raw, NEW))
    refused("a" * 8193)


# --- a service's own


def test_what_was_issued_is_verified_with_its_claims() -> None:
    made = SIGNER.issue("user-1", now=NOW, claims={"org_id": "o-1", "org_role": "admin"})
    said = SIGNER.verify(made.token, now=NOW)
    assert (said["sub"], said["org_id"], said["org_role"]) == ("user-1", "o-1", "admin")
    assert (said["jti"], said["exp"]) == (str(made.jti), made.expires_at.timestamp())
    assert made.expires_at == NOW + timedelta(hours=1)


def test_joserfc_reads_what_we_sign_and_we_what_it_signs() -> None:
    key = OctKey.import_key(NEW)
    ours = SIGNER.issue("user-1", now=NOW).token
    assert json.loads(jws.deserialize_compact(ours, key, algorithms=["HS256"]).payload)["sub"] == "user-1"
    header = {"alg": "HS256", "kid": kid(NEW), "typ": "at+jwt"}
    theirs = jws.serialize_compact(header, json.dumps(standard()), key, algorithms=["HS256"])
    assert SIGNER.verify(theirs, now=NOW)["sub"] == "user-1"


def test_a_token_ends_when_it_says_and_begins_within_the_leeway() -> None:
    token = SIGNER.issue("user-1", now=NOW).token
    assert SIGNER.verify(token, now=NOW + timedelta(seconds=3599))
    assert refused(token, now=NOW + timedelta(seconds=3600)) == "token_expired"
    assert SIGNER.verify(token, now=NOW - timedelta(seconds=30))
    assert refused(token, now=NOW - timedelta(seconds=31)) == "invalid_token"


def test_secrets_rotate_by_lines() -> None:
    before = Signer(OLD, issuer="miyabi", lifetime=timedelta(hours=1)).issue("user-1", now=NOW).token
    assert SIGNER.verify(before, now=NOW)["sub"] == "user-1"
    alone = Signer(NEW, issuer="miyabi", lifetime=timedelta(hours=1))
    assert alone.verify(SIGNER.issue("user-1", now=NOW).token, now=NOW)
    assert refused(before, alone) == "invalid_token"


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, f"{NEW}\nshort", "\n \n"])
def test_a_short_secret_is_refused_wherever_it_stands(secret: str) -> None:
    with pytest.raises(OperatorError) as error:
        Signer(secret, issuer="miyabi", lifetime=timedelta(hours=1))
    assert error.value.code == "weak_secret"
    assert "short" not in str(error.value)


def test_a_token_of_another_issuer_type_algorithm_or_lifetime_is_refused() -> None:
    same = Signer(NEW, issuer="other", lifetime=timedelta(hours=1))
    refused(same.issue("user-1", now=NOW).token)
    long = Signer(NEW, issuer="miyabi", lifetime=timedelta(hours=2))
    refused(long.issue("user-1", now=NOW).token)
    good = json.dumps(standard()).encode()
    for header in (
        {"alg": "none", "kid": kid(NEW), "typ": "at+jwt"},
        {"alg": "HS512", "kid": kid(NEW), "typ": "at+jwt"},
        {"alg": "RS256", "kid": kid(NEW), "typ": "at+jwt"},
        {"alg": "HS256", "kid": kid(OLD), "typ": "at+jwt"},
        {"alg": "HS256", "kid": "", "typ": "at+jwt"},
        {"alg": "HS256", "typ": "at+jwt"},
        {"alg": "HS256", "kid": kid(NEW)},
        {"alg": "HS256", "kid": kid(NEW), "typ": "JWT"},
    ):
        refused(hs256(header, good, NEW))


def test_the_services_own_claims_cannot_replace_the_tokens() -> None:
    with pytest.raises(AuthorError):
        SIGNER.issue("user-1", now=NOW, claims={"exp": 4102444800})


# --- in the function, behind API Gateway

ROUTE = RouteEntry("GET", "/things", "things", 200, public=False, scopes=("read", "write"))
GUARD = Guard(AuthorizerEntry(("app",), 3600.0, local=True, function=None, cache=300.0))


def event(claims: dict[str, Any], *, verified: dict[str, Any] | None = None) -> dict[str, Any]:
    """As API Gateway makes it: it has verified the signature, which is not looked at again."""
    header = json.dumps({"alg": "RS256", "kid": "k"}).encode()
    token = f"{b64(header)}.{b64(json.dumps(claims).encode())}.AAAA"
    texts = {name: str(said) for name, said in (verified or claims).items()}
    return {
        "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {"authorizer": {"jwt": {"claims": texts, "scopes": None}}},
    }


def cognito(**changes: Any) -> dict[str, Any]:
    said = {
        "sub": "ada", "iss": "https://cognito-idp.us-east-2.amazonaws.com/us-east-2_x", "client_id": "app",
        "token_use": "access", "scope": "read write", "iat": 1_900_000_000, "exp": 1_900_003_600,
    }  # fmt: skip
    return {**said, **changes}


def test_the_caller_is_who_the_token_names_with_all_its_scopes() -> None:
    found = caller(event(cognito()), ROUTE, GUARD)
    assert found is not None
    assert (found.subject, found.scopes) == ("ada", {"read", "write"})


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        (cognito(token_use="id"), "invalid_token"),
        (cognito(exp=1_900_003_601), "invalid_token"),
        (cognito(exp="1900003600"), "invalid_token"),
        (cognito(scope=["read", "write"]), "invalid_token"),
        (cognito(aud=["app", "other"]), "invalid_token"),
        (cognito(sub=""), "unauthenticated"),
        (cognito(scope="read"), "insufficient_scope"),
    ],
)
def test_a_function_refuses_what_api_gateway_lets_pass(claims: dict[str, Any], code: str) -> None:
    with pytest.raises(CallerError) as error:
        caller(event(claims), ROUTE, GUARD)
    assert error.value.code == code


def test_the_token_and_what_was_verified_are_of_one_subject() -> None:
    with pytest.raises(CallerError):
        caller(event(cognito(sub="eve"), verified=cognito()), ROUTE, GUARD)


def test_an_event_without_the_token_itself_is_refused() -> None:
    bare = event(cognito())
    bare["headers"] = {}
    with pytest.raises(CallerError) as error:
        caller(bare, ROUTE, GUARD)
    assert error.value.status == 401


def test_claims_of_another_kind_of_authorizer_count_for_nothing() -> None:
    forged = {
        "headers": {},
        "requestContext": {"authorizer": {"lambda": {"sub": "eve", "scope": "read write"}}},
    }
    with pytest.raises(CallerError):
        caller(forged, ROUTE, GUARD)


def test_one_reading_of_a_bearer_header() -> None:
    assert compact.bearer("bEaReR   abc.def") == "abc.def"
    for header in (
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,Bearer b",
        "Token a",
        " Bearer a",
        "Bearer a ",
    ):
        with pytest.raises(CallerError):
            compact.bearer(header)


def standard() -> dict[str, Any]:
    now = int(NOW.timestamp())
    return {"sub": "user-1", "iss": "miyabi", "token_use": "access", "iat": now, "exp": now + 60, "jti": "j"}


def hs256(header: dict[str, Any], claims: bytes, secret: str) -> str:
    signed = f"{b64(json.dumps(header).encode())}.{b64(claims)}"
    return f"{signed}.{b64(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def kid(secret: str) -> str:
    made = Signer(secret, issuer="x", lifetime=timedelta(hours=1)).issue("a", now=NOW).token
    found: str = compact.read(made, algorithm="HS256").header["kid"]
    return found


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_times_are_whole_seconds() -> None:
    for said in (1.0, True, "1", None, -1, 2**41):
        with pytest.raises(CallerError):
            access.check_times({"iat": said, "exp": 10}, lifetime=100)
