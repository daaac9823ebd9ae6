"""Who calls: read from what the gateway has verified and put into the event."""

from collections.abc import Mapping
from typing import Any

from lamppost.declare.identity import Caller
from lamppost.derive.manifest import RouteEntry
from lamppost.errors import CallerError


def caller(event: Mapping[str, Any], route: RouteEntry, *, open_door: bool) -> Caller | None:
    """The caller of a request to `route`; None where strangers are welcome.

    `open_door` says that this stage asks nobody for a token. Raises `CallerError`: 401 for a request that no
    authorizer let in, 403 for a token without a scope the route asks for.
    """
    if route.public:
        return None
    found = _verified((event.get("requestContext") or {}).get("authorizer") or {})
    if found is None:
        if open_door:
            return None
        # API Gateway never lets such a request pass: whoever calls the function itself is told the same.
        raise CallerError(401, "unauthenticated", "this needs an access token")
    for scope in route.scopes:
        found.require(scope)
    return found


def _verified(authorizer: Mapping[str, Any]) -> Caller | None:
    claims = (authorizer.get("jwt") or {}).get("claims") or authorizer.get("lambda")
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(subject, str) or not subject:
        return None
    return Caller(subject, frozenset(str(claims.get("scope") or "").split()), claims)
