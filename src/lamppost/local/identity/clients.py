"""Who may ask the issuer for tokens: the audiences that the services' authorizers name, as app clients."""

import hashlib
import hmac

import msgspec

from lamppost.derive.manifest import Manifest

# What OpenID defines and Cognito offers; anything else is a scope that some route asks for.
STANDARD = frozenset({"openid", "profile", "email"})


class Client(msgspec.Struct, frozen=True):
    """An app client. Its tokens live for `lifetime` seconds at most, and may carry `scopes`.

    `asked` is whether any of its services asks for them on one machine.
    """

    id: str
    lifetime: float
    scopes: frozenset[str]
    services: tuple[str, ...]
    asked: bool


def clients(manifest: Manifest) -> dict[str, Client]:
    """Every client by its id. One that several services know lives as long as the strictest lets it."""
    found: dict[str, Client] = {}
    for service in manifest.services:
        for audience in service.authorizer.audience if service.authorizer else ():
            assert service.authorizer is not None
            asked = {
                scope for function in service.functions for route in function.routes for scope in route.scopes
            }
            before = found.get(audience, Client(audience, float("inf"), STANDARD, (), asked=False))
            found[audience] = Client(
                audience,
                min(before.lifetime, service.authorizer.lifetime),
                before.scopes | asked,
                (*before.services, service.name),
                before.asked or service.authorizer.local,
            )
    return found


def secret(client: Client, seed: bytes) -> str:
    """The client's secret: the same for as long as the data folder lasts."""
    return hmac.new(seed, f"client\0{client.id}".encode(), hashlib.sha256).hexdigest()
