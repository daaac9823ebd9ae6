"""The authorization endpoint: a login that ends with a code (RFC 6749, RFC 7636, RFC 9207).

The page's ticket is taken once and only from the browser that was shown it, so no other site can log a
person in. Codes go to addresses of this machine only.
https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
"""

import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from lamppost.local.http_messages import Request, Response
from lamppost.local.identity import page, wire
from lamppost.local.identity.clients import Client
from lamppost.local.identity.codes import CODE_SECONDS, TICKET_SECONDS, Begun, Coded, Once
from lamppost.local.identity.minting import Login
from lamppost.local.identity.wire import Refused

PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_COOKIE = "lamppost-login"


class Authorize:
    """`/authorize`: GET shows the page, POST takes the name."""

    def __init__(self, clients: Callable[[], Mapping[str, Client]], clock: Callable[[], float] = time.time):
        self._clients = clients
        self._clock = clock
        self._begun: Once[Begun] = Once(TICKET_SECONDS)
        self.codes: Once[Coded] = Once(CODE_SECONDS)
        self.issuer = ""

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            if request.method == "POST":
                return self._decide(request)
            return self._ask(wire.fields(request.query), _browser(request) or secrets.token_urlsafe(32))
        except Refused as refused:
            return page.refused(refused.description)

    def _ask(self, asked: dict[str, str], browser: str) -> Response:
        client = self._clients().get(asked.get("client_id", ""))
        if client is None:
            raise Refused("invalid_request", "no authorizer here names this client_id as its audience")
        redirect = asked.get("redirect_uri", "")
        if not wire.is_loopback(redirect):
            raise Refused("invalid_request", "redirect_uri must be an http address of this machine")
        try:
            begun = _begun(asked, client, browser)
        except Refused as refused:
            return self._back(redirect, asked.get("state", ""), _named(refused))
        back = urlsplit(redirect)
        cookie = f"{_COOKIE}={browser}; Path=/_identity; HttpOnly; SameSite=Strict"
        return page.login(
            client.id,
            begun.scope,
            self._begun.put(begun),
            returns_to=f"{back.scheme}://{back.netloc}",
            cookie=cookie,
        )

    def _decide(self, request: Request) -> Response:
        given = wire.form(request)
        begun = self._begun.take(given.get("ticket", ""))
        if begun is None or not hmac.compare_digest(begun.browser, _browser(request)):
            raise Refused("invalid_request", "this page was answered before, or in another browser")
        if "cancel" in given:
            denied = {"error": "access_denied", "error_description": "the person would rather not"}
            return self._back(begun.redirect, begun.state, denied)
        person = given.get("person", "")
        if not PERSON.fullmatch(person):
            raise Refused("invalid_request", "a name has letters, digits and . _ @ + -, 64 at most")
        login = Login(person, begun.client, begun.scope, int(self._clock()), begun.nonce)
        code = self.codes.put(Coded(login, begun.redirect, begun.challenge))
        return self._back(begun.redirect, begun.state, {"code": code})

    def _back(self, redirect: str, state: str, answer: dict[str, str]) -> Response:
        said = {**answer, **({"state": state} if state else {}), "iss": self.issuer}
        return Response(303, {**wire.NO_STORE, "location": wire.with_query(redirect, said)})


def _begun(asked: dict[str, str], client: Client, browser: str) -> Begun:
    if asked.get("response_type") != "code":
        raise Refused("unsupported_response_type", "response_type is code")
    if "request" in asked or "request_uri" in asked:
        raise Refused("request_not_supported", "send the parameters themselves")
    if asked.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "response_mode is query")
    if asked.get("code_challenge_method") != "S256":
        raise Refused("invalid_request", "PKCE is required, with code_challenge_method=S256")
    if not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise Refused("invalid_request", "code_challenge is the base64url of a SHA-256, 43 characters")
    if asked.get("prompt") == "none":
        raise Refused("login_required", "nobody stays logged in here")
    return Begun(
        client=client.id,
        redirect=asked["redirect_uri"],
        scope=granted(asked.get("scope") or "openid", client),
        state=asked.get("state", ""),
        nonce=asked.get("nonce", ""),
        challenge=asked["code_challenge"],
        browser=browser,
    )


def granted(scope: str, client: Client) -> str:
    """The scopes asked for, each once. Raises `Refused` for one that the client has not."""
    asked = tuple(dict.fromkeys(scope.split()))
    unknown = [name for name in asked if name not in client.scopes]
    if unknown:
        raise Refused("invalid_scope", f"no route of {', '.join(client.services)} asks for {unknown[0]!r}")
    return " ".join(asked)


def _named(refused: Refused) -> dict[str, str]:
    return {"error": refused.error, "error_description": refused.description}


def _browser(request: Request) -> str:
    for cookie in request.headers.get("cookie", "").split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == _COOKIE and value.isascii():
            return value[:64]
    return ""
