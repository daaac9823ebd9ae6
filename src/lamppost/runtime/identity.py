"""Who calls: read from what the gateway has verified and put into the event.

API Gateway verifies a token's signature and times. What it does not ask (`tokens.access`) is asked here of
the token itself, which is still in the event's headers.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from lamppost.declare.identity import Caller
from lamppost.derive.manifest import AuthorizerEntry, RouteEntry
from lamppost.errors import CallerError


class Guard(msgspec.Struct, frozen=True):
    """How this stage guards an API: by its service's `authorizer`, or by none behind an `open_door`."""

    authorizer: AuthorizerEntry | None = None
    open_door: bool = False


def caller(event: Mapping[str, Any], route: RouteEntry, guard: Guard) -> Caller | None:
    """The caller of a request to `route`; None where strangers are welcome.

    Raises `CallerError`: 401 for a request that no authorizer let in, or with a token that none should
    have; 403 for a token without a scope the route asks for.
    """
    if route.public:
        return None
    verified = (event.get("requestContext") or {}).get("authorizer") or {}
    if guard.authorizer is not None and guard.authorizer.function is not None:
        found = _caller(verified.get("lambda"))
    else:
        found = _caller((verified.get("jwt") or {}).get("claims"))
        if found is not None and guard.authorizer is not None:
            _look_again(event, found, guard.authorizer.lifetime)
    if found is None:
        if guard.open_door:
            return None
        # API Gateway never lets such a request pass: whoever calls the function itself is told the same.
        raise CallerError(401, "unauthenticated", "this needs an access token")
    for scope in route.scopes:
        found.require(scope)
    return found


def _caller(claims: Any) -> Caller | None:
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(subject, str) or not subject:
        return None
    scope = claims.get("scope")
    return Caller(subject, frozenset(scope.split() if isinstance(scope, str) else ()), claims)


def _look_again(event: Mapping[str, Any], found: Caller, lifetime: float) -> None:
    from lamppost.tokens import access, compact

    token = compact.bearer((event.get("headers") or {}).get("authorization"))
    claims = compact.read(token, algorithm="RS256").claims
    access.check(claims, lifetime=lifetime)
    if claims["sub"] != found.subject:
        raise compact.invalid_token("the token is not the one that was verified")
