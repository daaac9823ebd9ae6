"""The token endpoint: codes, refresh tokens and client secrets, exchanged for access tokens.

https://www.rfc-editor.org/rfc/rfc6749#section-3.2 https://www.rfc-editor.org/rfc/rfc7636
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote_plus

from lamppost.local.http_messages import Request, Response
from lamppost.local.identity import clients as registered
from lamppost.local.identity import wire
from lamppost.local.identity.authorize import granted
from lamppost.local.identity.clients import Client
from lamppost.local.identity.codes import Coded, Once
from lamppost.local.identity.keys import Keys
from lamppost.local.identity.minting import Login, Mint
from lamppost.local.identity.sessions import Sessions
from lamppost.local.identity.wire import Refused

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class Grants:
    """`/token`: POST a form, get tokens."""

    def __init__(
        self,
        clients: Callable[[], Mapping[str, Client]],
        keys: Keys,
        mint: Mint,
        codes: Once[Coded],
        sessions: Sessions,
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._mint = mint
        self._codes = codes
        self._sessions = sessions
        self._spent: dict[str, str] = {}

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.method != "POST":
            return wire.json({"error": "invalid_request"}, request, 405, allow="POST")
        try:
            given = wire.form(request)
            client, proven = await self._client(request, given)
            match given.get("grant_type"):
                case "authorization_code":
                    answer = await self._code(given, client)
                case "refresh_token":
                    answer = await self._refresh(given, client)
                case "client_credentials":
                    answer = await self._machine(given, client, proven=proven)
                case _:
                    raise Refused("unsupported_grant_type", "authorization_code, refresh_token, …")
        except Refused as refused:
            return wire.refusal(refused, request)
        return wire.json(answer, request)

    async def _client(self, request: Request, given: dict[str, str]) -> tuple[Client, bool]:
        """Who asks, and whether it has proven it. A public client needs no secret; a wrong one is refused."""
        name, secret = given.get("client_id", ""), given.get("client_secret")
        header = request.headers.get("authorization")
        if header is not None:
            if secret is not None:
                raise Refused("invalid_request", "send the client's secret once")
            named, secret = _basic(header)
            if name not in ("", named):
                raise Refused("invalid_request", "two clients are named")
            name = named
        client = self._clients().get(name)
        if client is None:
            raise Refused("invalid_client", "no authorizer here names this client", 401)
        if secret is None:
            return client, False
        await asyncio.to_thread(self._keys.signing)
        expected = registered.secret(client, self._keys.seed)
        if not hmac.compare_digest(secret.encode(), expected.encode()):
            raise Refused("invalid_client", "this is not the client's secret", 401)
        return client, True

    async def _code(self, given: dict[str, str], client: Client) -> dict[str, object]:
        code = given.get("code", "")
        coded = self._codes.take(code)
        if coded is None:
            # A code that comes twice was seen by someone else: what it gave is taken back.
            line = self._spent.pop(code, None)
            if line is not None:
                await asyncio.to_thread(self._sessions.end, line)
            raise Refused("invalid_grant", "the code is unknown, used or too old")
        verifier = given.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(_s256(verifier), coded.challenge):
            raise Refused("invalid_grant", "code_verifier does not match the challenge")
        if coded.login.client != client.id or coded.redirect != given.get("redirect_uri"):
            raise Refused("invalid_grant", "the code was given to another client or redirect_uri")
        answer = await asyncio.to_thread(self._tokens, coded.login, client, coded.login.scope)
        refresh = await asyncio.to_thread(self._sessions.begin, coded.login)
        self._remember(code, refresh)
        return {**answer, "refresh_token": refresh}

    def _remember(self, code: str, line: str) -> None:
        while len(self._spent) >= 1000:
            del self._spent[next(iter(self._spent))]
        self._spent[code] = line

    async def _refresh(self, given: dict[str, str], client: Client) -> dict[str, object]:
        token, wanted = given.get("refresh_token", ""), " ".join(given.get("scope", "").split())
        turned = await asyncio.to_thread(self._sessions.turn, token, client.id, wanted)
        if turned is None:
            raise Refused("invalid_grant", "the refresh token is unknown, used or too old; log in again")
        login, successor = turned
        answer = await asyncio.to_thread(self._tokens, login, client, wanted or login.scope)
        return {**answer, "refresh_token": successor}

    async def _machine(self, given: dict[str, str], client: Client, *, proven: bool) -> dict[str, object]:
        if not proven:
            raise Refused("invalid_client", "show the secret; `lamppost token clients` has it", 401)
        every = " ".join(sorted(client.scopes - registered.STANDARD))
        scope = granted(given.get("scope") or every, client)
        token = await asyncio.to_thread(self._mint.machine, client, scope)
        return _answer(token, client, scope)

    def _tokens(self, login: Login, client: Client, scope: str) -> dict[str, object]:
        login = Login(login.person, login.client, scope, login.at, login.nonce, login.groups)
        access = self._mint.access(login, client)
        answer = _answer(access, client, scope)
        if "openid" in scope.split():
            answer["id_token"] = self._mint.identity(login, client, access)
        return answer


def _answer(access: str, client: Client, scope: str) -> dict[str, object]:
    return {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": int(client.lifetime),
        "scope": scope,
    }


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_client", "the Authorization header is not Basic", 401) from error
    if scheme.lower() != "basic" or not colon:
        raise Refused("invalid_client", "the Authorization header is not Basic", 401)
    return unquote_plus(name), unquote_plus(secret)
