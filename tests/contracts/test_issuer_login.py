"""A client that knows the standards and nothing of our code logs in; whoever bends a rule is refused.

It follows OpenID Connect Discovery and Core, RFC 6749, 7636 and 9207 with plain HTTP, and verifies with
joserfc what it gets.
"""

import base64
import hashlib
import http.client
import json
import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.issuer import Desk
from tests.wire import Heard, once, request

BACK = "http://127.0.0.1:49152/callback"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("issuer"))
    yield made
    made.close()


class Client:
    """A native application: it discovers, sends a person to log in, and exchanges what comes back."""

    def __init__(self, issuer: str, client_id: str = "guarded-app") -> None:
        self.issuer = issuer
        self.id = client_id
        self.known = self.get(f"{issuer}/.well-known/openid-configuration").json
        self.verifier = secrets.token_urlsafe(48)
        self.state, self.nonce = secrets.token_urlsafe(8), secrets.token_urlsafe(8)
        self.cookie = ""

    def get(self, url: str, **headers: str) -> Heard:
        where = urlsplit(url)
        return once(
            url, request("GET", f"{where.path}?{where.query}" if where.query else where.path, headers)
        )

    def post(self, url: str, fields: Any, **headers: str) -> Heard:
        body = urlencode(fields).encode()
        return once(url, request("POST", urlsplit(url).path, {**FORM, **headers}, body))

    def asking(self, **changes: str | None) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=")
        asked = {
            "response_type": "code", "client_id": self.id, "redirect_uri": BACK,
            "scope": "openid things/read", "state": self.state, "nonce": self.nonce,
            "code_challenge": challenge.decode(), "code_challenge_method": "S256",
        }  # fmt: skip
        kept = {name: said for name, said in {**asked, **changes}.items() if said is not None}
        return f"{self.known['authorization_endpoint']}?{urlencode(kept)}"

    def page(self, **changes: str | None) -> str:
        """The ticket of the login page."""
        heard = self.get(self.asking(**changes))
        assert heard.status == 200, heard.body
        self.cookie = heard.cookies[0].partition(";")[0]
        found = re.search(r'name="ticket" value="([^"]+)"', heard.body.decode())
        assert found is not None
        return found[1]

    def choose(self, ticket: str, person: str = "grace", **headers: str) -> Heard:
        given = {"cookie": self.cookie, **headers}
        return self.post(self.known["authorization_endpoint"], {"ticket": ticket, "person": person}, **given)

    def code(self, **changes: str | None) -> str:
        """The code that a login ends with."""
        heard = self.choose(self.page(**changes))
        assert heard.status == 303, heard.body
        assert heard.headers["location"].startswith(BACK + "?")
        said = {name: value[0] for name, value in parse_qs(urlsplit(heard.headers["location"]).query).items()}
        assert (said["state"], said["iss"]) == (self.state, self.issuer)
        return said["code"]

    def exchange(self, code: str, /, **changes: str | None) -> Heard:
        fields = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": self.id,
            "code_verifier": self.verifier,
        }  # fmt: skip
        kept = {name: said for name, said in {**fields, **changes}.items() if said is not None}
        return self.post(self.known["token_endpoint"], kept)

    def refresh(self, token: str, **more: str) -> Heard:
        fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.id, **more}
        return self.post(self.known["token_endpoint"], fields)

    def claims(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.get(self.known["jwks_uri"]).json)
        return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


@pytest.fixture
def client(desk: Desk) -> Client:
    return Client(desk.url)


def error(heard: Heard) -> tuple[int, str]:
    assert heard.headers["cache-control"] == "no-store"
    return heard.status, heard.json["error"]


def test_a_person_logs_in_and_calls_an_api(desk: Desk, client: Client) -> None:
    assert client.known["issuer"] == desk.url
    answer = client.exchange(client.code())
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    got = answer.json
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 1800, "openid things/read")

    identity, access = client.claims(got["id_token"]), client.claims(got["access_token"])
    assert (identity["iss"], identity["aud"], identity["nonce"]) == (desk.url, client.id, client.nonce)
    half = hashlib.sha256(got["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    assert identity["sub"] == access["sub"]
    assert (access["token_use"], access["client_id"], access["username"]) == ("access", client.id, "grace")
    assert "aud" not in access

    assert desk.whoami(got["access_token"]).status == 200
    assert desk.whoami(got["id_token"]).status == 401
    info = client.get(client.known["userinfo_endpoint"], authorization=f"Bearer {got['access_token']}")
    assert (info.status, info.json) == (200, {"sub": access["sub"], "username": "grace"})


def test_a_person_is_the_same_person_at_the_next_login(client: Client) -> None:
    subjects = {client.claims(client.exchange(client.code()).json["access_token"])["sub"] for _ in range(2)}
    assert len(subjects) == 1


def test_discovery_names_every_endpoint_and_nothing_that_is_not_offered(client: Client) -> None:
    # https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata: what is REQUIRED.
    for name in (
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported",
    ):  # fmt: skip
        assert client.known[name]
    for key in client.get(client.known["jwks_uri"]).json["keys"]:
        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert len(base64.urlsafe_b64decode(key["n"] + "==")) * 8 == 2048
        assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}


# --- the authorization endpoint


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.test/"},
        {"redirect_uri": "http://127.0.0.1@evil.test/"},
        {"redirect_uri": "http://evil.test\\@127.0.0.1/"},
        {"redirect_uri": "http://127.0.0.1:99999/"},
        {"redirect_uri": "http://127.0.0.1/#fragment"},
        {"redirect_uri": "//127.0.0.1/callback"},
        {"redirect_uri": "javascript:alert(1)//127.0.0.1"},
        {"redirect_uri": "http://127.0.0.1/\r\nset-cookie: a=b"},
        {"redirect_uri": "http://0.0.0.0/"},
        {"redirect_uri": "http://2130706433/"},
    ],
)
def test_nobody_is_sent_to_a_stranger(client: Client, changes: dict[str, str | None]) -> None:
    heard = client.get(client.asking(**changes))
    assert heard.status == 400
    assert "location" not in heard.headers
    assert heard.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "e30"}, "request_not_supported"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
def test_a_client_hears_what_it_did_wrong(client: Client, changes: dict[str, str | None], named: str) -> None:
    heard = client.get(client.asking(**changes))
    assert heard.status == 303
    said = parse_qs(urlsplit(heard.headers["location"]).query)
    assert (said["error"], said["state"], said["iss"]) == ([named], [client.state], [client.issuer])


def test_a_parameter_that_stands_twice_is_refused(client: Client) -> None:
    assert client.get(client.asking() + "&client_id=other-app").status == 400
    assert client.get(client.asking() + "&redirect_uri=http://127.0.0.1:1/").status == 400


def test_the_page_answers_once_and_only_the_browser_it_was_shown_in(client: Client) -> None:
    ticket = client.page()
    other = Client(client.issuer)
    assert other.choose(ticket).status == 400
    assert client.choose(ticket).status == 400, "a wrong try spends the ticket"
    ticket = client.page()
    assert client.choose(ticket).status == 303
    assert client.choose(ticket).status == 400


def test_another_site_cannot_post_to_the_page(client: Client) -> None:
    ticket = client.page()
    assert client.choose(ticket, origin="https://evil.test").status == 403
    rebound = request("GET", "/_identity/authorize", host="evil.test")
    assert once(client.issuer, rebound).status == 403


def test_the_page_can_be_neither_framed_nor_scripted(client: Client) -> None:
    heard = client.get(client.asking(state='"><script>alert(1)</script>', scope="openid"))
    assert b"<script" not in heard.body
    policy = heard.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "SameSite=Strict" in heard.cookies[0]
    assert "HttpOnly" in heard.cookies[0]


@pytest.mark.parametrize("person", ["", " ", "a b", "<b>", "a" * 65, "-x", "ada\n", "é"])
def test_a_name_is_plain(client: Client, person: str) -> None:
    heard = client.choose(client.page(), person)
    assert heard.status == 400
    assert b"<b>" not in heard.body.replace(b"<button", b"")


def test_who_would_rather_not_is_sent_back(client: Client) -> None:
    fields = {"ticket": client.page(), "cancel": "yes"}
    heard = client.post(client.known["authorization_endpoint"], fields, cookie=client.cookie)
    assert "error=access_denied" in heard.headers["location"]


# --- the token endpoint


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": None},
        {"code_verifier": ""},
        {"redirect_uri": "http://127.0.0.1:49152/callback/"},
        {"redirect_uri": "http://127.0.0.1:49153/callback"},
        {"redirect_uri": "http://localhost:49152/callback"},
        {"redirect_uri": None},
        {"client_id": "other-app"},
        {"code": "x" * 43},
        {"code": None},
    ],
)
def test_a_code_is_for_who_asked_for_it(client: Client, changes: dict[str, str | None]) -> None:
    code = client.code()
    assert error(client.exchange(code, **changes)) == (400, "invalid_grant")
    if "code" not in changes:
        assert error(client.exchange(code)) == (400, "invalid_grant"), "a wrong try spends the code"


def test_a_code_that_comes_twice_takes_back_what_it_gave(client: Client) -> None:
    code = client.code()
    refresh = client.exchange(code).json["refresh_token"]
    assert error(client.exchange(code)) == (400, "invalid_grant")
    assert error(client.refresh(refresh)) == (400, "invalid_grant")


def test_a_code_is_short_lived(client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    code = client.code()
    codes = desk.issuer._authorize.codes
    monkeypatch.setattr(codes, "_clock", lambda: float("inf"))
    assert error(client.exchange(code)) == (400, "invalid_grant")


def test_a_refresh_token_turns_and_an_old_one_ends_the_login(desk: Desk, client: Client) -> None:
    first = client.exchange(client.code()).json["refresh_token"]
    turned = client.refresh(first).json
    assert desk.whoami(turned["access_token"]).status == 200
    assert client.claims(turned["id_token"])["nonce"] == client.nonce
    less = client.refresh(turned["refresh_token"], scope="openid").json
    assert less["scope"] == "openid"
    assert error(client.refresh(first)) == (400, "invalid_grant")
    assert error(client.refresh(less["refresh_token"])) == (400, "invalid_grant")


def test_a_refresh_never_gives_more_nor_to_another(desk: Desk, client: Client) -> None:
    token = client.exchange(client.code()).json["refresh_token"]
    assert error(client.refresh(token, scope="openid things/write")) == (400, "invalid_scope")
    other = Client(desk.url, "other-app")
    assert error(other.refresh(token)) == (400, "invalid_grant")
    assert client.refresh(token).status == 200, "neither has spent it"


def test_a_machine_needs_its_clients_secret(desk: Desk, client: Client) -> None:
    secret = desk.run(desk.issuer.secret(desk.issuer.clients[client.id]))
    url, fields = client.known["token_endpoint"], {"grant_type": "client_credentials"}
    posted = client.post(url, {**fields, "client_id": client.id, "client_secret": secret})
    login = base64.b64encode(f"{client.id}:{secret}".encode()).decode()
    basic = client.post(url, {**fields, "scope": "things/read"}, authorization=f"Basic {login}")
    assert (posted.json["scope"], basic.json["scope"]) == ("things/read things/write", "things/read")
    assert "refresh_token" not in basic.json
    claims = client.claims(basic.json["access_token"])
    assert (claims["sub"], claims["client_id"], "username" in claims) == (client.id, client.id, False)
    assert desk.whoami(basic.json["access_token"]).status == 200

    for wrong in ({}, {"client_secret": ""}, {"client_secret": secret[:-1]}):
        refused = client.post(url, {**fields, "client_id": client.id, **wrong})
        assert error(refused) == (401, "invalid_client")
        assert "www-authenticate" in refused.headers
    for header in ("Basic !", "Basic eA==", "Bearer x", "Basic"):
        assert client.post(url, fields, authorization=header).status == 401


def test_only_a_form_is_read_and_each_field_once(client: Client) -> None:
    url = client.known["token_endpoint"]
    twice = [("grant_type", "refresh_token"), ("grant_type", "client_credentials"), ("client_id", client.id)]
    assert error(client.post(url, twice)) == (400, "invalid_request")
    body = json.dumps({"grant_type": "client_credentials"}).encode()
    raw = request("POST", urlsplit(url).path, {"content-type": "application/json"}, body)
    assert error(once(url, raw)) == (400, "invalid_request")
    large = request("POST", urlsplit(url).path, FORM, b"a=" + b"b" * 20_000)
    assert error(once(url, large)) == (400, "invalid_request")
    for grant in ("password", "implicit", ""):
        fields = {"grant_type": grant, "client_id": client.id, "username": "ada", "password": "x"}
        assert error(client.post(url, fields)) == (400, "unsupported_grant_type")
    assert client.get(url).status == 405


def test_userinfo_is_for_access_tokens_with_openid(desk: Desk, client: Client) -> None:
    url = client.known["userinfo_endpoint"]
    assert client.get(url).status == 401
    assert client.get(url, authorization="Bearer x").headers["www-authenticate"].startswith("Bearer")
    narrow = desk.token(scope="things/read")
    assert client.get(url, authorization=f"Bearer {narrow}").status == 403


def test_a_page_on_this_machine_may_read_the_answers_and_no_other(client: Client) -> None:
    near = client.get(f"{client.issuer}/jwks.json", origin="http://localhost:5173")
    assert near.headers["access-control-allow-origin"] == "http://localhost:5173"
    far = client.get(f"{client.issuer}/jwks.json", origin="https://evil.test")
    assert "access-control-allow-origin" not in far.headers
    where = urlsplit(client.issuer)
    connection = http.client.HTTPConnection(where.netloc)
    connection.request("OPTIONS", f"{where.path}/userinfo", headers={"origin": "http://localhost:5173"})
    assert connection.getresponse().getheader("access-control-allow-headers") == "authorization, content-type"
    connection.close()
