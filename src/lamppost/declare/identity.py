"""Who may call an API, and who did."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare.durations import hours, minutes
from lamppost.errors import AuthorError, CallerError

if TYPE_CHECKING:
    from lamppost.declare.service import Function

LIFETIME_MAX = hours(24)
CACHE_MAX = hours(1)


class Authorizer(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call an API: whoever bears an access token of the stage's issuer, made for this `audience`.

    On AWS it becomes the HTTP API's JWT authorizer over Cognito; locally the gateway asks the same of the
    local issuer's tokens. A token may live for `lifetime` at most, whatever its issuer says. `local=False`
    leaves the door open on one machine. A `function` judges tokens that API Gateway cannot (a Lambda
    authorizer, payload 2.0, simple answers); its answer is kept for `cache`.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    """

    audience: tuple[str, ...] = ()
    lifetime: timedelta = hours(1)
    local: bool = True
    function: "Function | None" = None
    cache: timedelta = minutes(5)

    def __post_init__(self) -> None:
        if self.function is None and not self.audience:
            raise AuthorError(
                "an authorizer without an audience would take every client's tokens",
                fix='name the client ids: Authorizer(audience=("app",))',
            )
        if not timedelta(0) < self.lifetime <= LIFETIME_MAX:
            raise AuthorError(
                f"an access token that lives {self.lifetime} cannot be taken back",
                fix=f"keep lifetime= within {LIFETIME_MAX}; refresh tokens are for longer sessions",
            )
        if not timedelta(0) <= self.cache <= CACHE_MAX:
            raise AuthorError(
                f"API Gateway keeps an authorizer's answer for {CACHE_MAX} at most", fix="lower cache="
            )


class Caller(msgspec.Struct, frozen=True):
    """Who calls, as a verified token says: `subject` is the issuer's id of the person or the client."""

    subject: str
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = {}

    def require(self, scope: str) -> None:
        """Raise a 403 unless the token carries `scope`."""
        if scope not in self.scopes:
            raise CallerError(403, "insufficient_scope", f"this needs the scope {scope!r}")
