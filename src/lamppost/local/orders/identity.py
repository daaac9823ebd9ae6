"""Tokens for development, keys and clients of the local issuer."""

from typing import TYPE_CHECKING, Any

from lamppost.errors import OperatorError
from lamppost.local.orders.kinds import Arguments, Order

if TYPE_CHECKING:
    from lamppost.local.identity.clients import Client
    from lamppost.local.system import System


class Identifying:
    """Orders about the issuer. Whoever may ask here holds the system's own token, and may be anyone."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "token/issue": self._issue,
            "token/rotate": self._rotate,
            "token/clients": self._clients,
        }

    async def _issue(self, given: Arguments) -> Any:
        """A token of `service` (the only one when it is empty) for `person`; an address to try it on."""
        client = self._client(given.get("service") or "")
        token = await self._system.identity.issuer.token(
            client, given["person"], given["scope"], given["ttl"]
        )
        return {"token": token, "client": client.id, "try": self._try(client)}

    async def _rotate(self, _: Arguments) -> Any:
        return {"kid": await self._system.identity.issuer.rotate()}

    async def _clients(self, _: Arguments) -> Any:
        issuer = self._system.identity.issuer
        return {
            "issuer": issuer.url,
            "clients": [
                {
                    "client_id": client.id,
                    "client_secret": await issuer.secret(client),
                    "services": client.services,
                    "lifetime_s": client.lifetime,
                    "scopes": sorted(client.scopes),
                }
                for client in issuer.clients.values()
            ],
        }

    def _client(self, service: str) -> "Client":
        known = self._system.identity.issuer.clients
        fitting = [client for client in known.values() if service in client.services]
        if not service:
            fitting = [client for client in known.values() if client.asked] or list(known.values())
        if len({client.services for client in fitting}) == 1:
            return fitting[0]
        services = sorted({name for client in known.values() for name in client.services})
        if not services:
            raise OperatorError(
                "no service asks for tokens",
                fix='give one authorizer=Authorizer(audience=("app",))',
                code="no_client",
            )
        raise OperatorError(
            f"service {service!r} asks for no tokens" if service else "several services ask for tokens",
            fix=f"name one with --service: {', '.join(services)}",
            code="no_client",
        )

    def _try(self, client: "Client") -> str:
        """The URL of a guarded route that a GET without parameters reaches, else of the API."""
        for service in self._system.manifest.services:
            if service.name in client.services:
                base = self._system.announced.apis[service.name]
                routes = [route for function in service.functions for route in function.routes]
                for route in routes:
                    if route.method == "GET" and not route.public and "{" not in route.path:
                        return f"{base}{route.path}"
                return base
        return self._system.identity.issuer.url
