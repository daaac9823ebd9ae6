"""The issuer as a whole: its addresses below `/_identity`, and what commands ask of it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lamppost.derive.manifest import Manifest
from lamppost.errors import CallerError, OperatorError
from lamppost.local.http_messages import Handler, Request, Response
from lamppost.local.identity import clients as registered
from lamppost.local.identity import wire
from lamppost.local.identity.authorize import PERSON, Authorize, granted
from lamppost.local.identity.clients import Client
from lamppost.local.identity.door import SEGMENT, check_stage
from lamppost.local.identity.grants import Grants
from lamppost.local.identity.keys import Keys
from lamppost.local.identity.minting import Login, Mint
from lamppost.local.identity.sessions import Sessions
from lamppost.local.identity.verifying import Verifier
from lamppost.tokens import compact


class Issuer:
    """The issuer of one data folder. Raises `OperatorError` in every stage but the local one."""

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        check_stage()
        self.clients: Mapping[str, Client] = {}
        self._keys = Keys(data / "keys.json", clock)
        self._mint = Mint(self._keys, clock)
        self.verifier = Verifier(self._keys, clock)
        self._authorize = Authorize(lambda: self.clients, clock)
        sessions = Sessions(data / "sessions.json", clock)
        grants = Grants(lambda: self.clients, self._keys, self._mint, self._authorize.codes, sessions)
        self._pages: dict[str, Handler] = {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks.json": self._jwks,
            "/authorize": self._authorize,
            "/token": grants,
            "/userinfo": self._userinfo,
        }

    def at(self, url: str) -> None:
        """Issue tokens as `url`, under which `__call__` answers."""
        self.url = self._mint.issuer = self.verifier.issuer = self._authorize.issuer = url

    def describe(self, manifest: Manifest) -> None:
        """Know the clients of `manifest`."""
        self.clients = registered.clients(manifest)

    async def __call__(self, request: Request) -> Response:
        """Answer one request below `/_identity`."""
        answer = self._pages.get(request.path.removeprefix(f"/{SEGMENT}"))
        if answer is None:
            return wire.json({"error": "not_found"}, request, 404)
        if request.method == "OPTIONS":
            allowed = {"access-control-allow-headers": "authorization, content-type"}
            return Response(204, {**wire.sharing(request), **allowed})
        return await answer(request)

    async def token(self, client: Client, person: str, scope: str | None, lifetime: float | None) -> str:
        """A development token for `person`. Without `scope` it carries all that its routes ask for."""
        if not PERSON.fullmatch(person):
            raise OperatorError(
                f"{person!r} is nobody's name",
                fix="use letters, digits and . _ @ + -, 64 at most",
                code="no_such_person",
            )
        if lifetime is not None and not 1 <= lifetime <= client.lifetime:
            raise OperatorError(
                f"{', '.join(client.services)} takes tokens of {client.lifetime:.0f} s at most",
                fix="ask for a shorter --ttl, or raise its lifetime=",
                code="token_too_long",
            )
        try:
            carried = granted(" ".join(sorted(client.scopes)) if scope is None else scope, client)
        except wire.Refused as refused:
            raise OperatorError(
                refused.description, fix=f"one of: {' '.join(sorted(client.scopes))}", code="no_such_scope"
            ) from refused
        login = Login(person, client.id, carried, self._mint.now())
        return await asyncio.to_thread(self._mint.access, login, client, lifetime=lifetime)

    async def rotate(self) -> str:
        """Sign with a new key from now on; its id. Tokens that are out hold for as long as they say."""
        return await asyncio.to_thread(self._keys.rotate)

    async def secret(self, client: Client) -> str:
        """The client's secret, for client_credentials."""
        await asyncio.to_thread(self._keys.signing)
        return registered.secret(client, self._keys.seed)

    async def _discovery(self, request: Request) -> Response:
        """https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata."""
        scopes = {scope for client in self.clients.values() for scope in client.scopes}
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks.json",
            "scopes_supported": sorted(scopes | registered.STANDARD),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "request_uri_parameter_supported": False,
        }
        return wire.json(document, request)

    async def _jwks(self, request: Request) -> Response:
        await asyncio.to_thread(self._keys.signing)
        return wire.json({"keys": self._keys.published()}, request)

    async def _userinfo(self, request: Request) -> Response:
        try:
            found = await self.verifier.verify(compact.bearer(request.headers.get("authorization")))
        except CallerError as refusal:
            challenge = {
                "www-authenticate": f'Bearer error="invalid_token", error_description="{refusal.what}"'
            }
            return wire.json({"error": "invalid_token"}, request, 401, **challenge)
        if "openid" not in found.scopes:
            challenge = {"www-authenticate": 'Bearer error="insufficient_scope", scope="openid"'}
            return wire.json({"error": "insufficient_scope"}, request, 403, **challenge)
        claims = found.claims
        return wire.json({"sub": claims["sub"], "username": claims.get("username", "")}, request)
