"""Who is let in: what API Gateway asks before it calls a function, asked here.

A JWT authorizer verifies the token and hands its claims on; a Lambda authorizer asks a function and keeps
its answer. Refusals have API Gateway's words, and a code of ours.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare import names
from lamppost.derive.manifest import AuthorizerEntry, Manifest, RouteEntry, ServiceEntry
from lamppost.errors import CallerError
from lamppost.local.functions.spec import Result
from lamppost.local.http_messages import Response, problem
from lamppost.observe.log import Log

if TYPE_CHECKING:
    from lamppost.local.identity.verifying import Verified

Verify = Callable[[str], Awaitable["Verified"]]
Invoke = Callable[[str, bytes], Awaitable[Result]]
Event = dict[str, Any]

REMEMBERED = 1024
_WORDS = {401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}


class Authorizers:
    """The doors of all APIs."""

    def __init__(self, verify: Verify, invoke: Invoke, log: Log) -> None:
        self._verify = verify
        self._invoke = invoke
        self._log = log
        self._doors: dict[str, _JwtDoor | _LambdaDoor] = {}

    def describe(self, manifest: Manifest) -> None:
        """Guard the APIs of `manifest`; answers of authorizer functions are forgotten with their code."""
        self._doors = {
            service.name: self._door(service, service.authorizer)
            for service in manifest.services
            if service.authorizer is not None and service.authorizer.local
        }

    def _door(self, service: ServiceEntry, asked: AuthorizerEntry) -> "_JwtDoor | _LambdaDoor":
        if asked.function is None:
            return _JwtDoor(asked, self._verify)
        function = names.physical(service.function(asked.function).named, names.LOCAL_ENV)
        return _LambdaDoor(function, asked.cache, self._invoke, self._log)

    async def admit(self, service: str, route: RouteEntry, event: Event) -> Event | None:
        """The event's `authorizer`, or None where nobody asks. Raises `CallerError`: 401, 403 or 500."""
        door = self._doors.get(service)
        if door is None or route.public:
            return None
        return await door.admit(route, event)


def refusal(error: CallerError, route: RouteEntry, request_id: str) -> Response:
    """How API Gateway refuses: its `message`, and a challenge that says why."""
    answered = problem(error.status, error.code, _WORDS[error.status], error.what, request_id=request_id)
    scope = " ".join(route.scopes)
    if error.code == "unauthenticated":
        answered.headers["www-authenticate"] = "Bearer"
    elif error.code == "insufficient_scope":
        answered.headers["www-authenticate"] = (
            f'Bearer scope="{scope}" error="insufficient_scope" error_description="{error.what}"'
        )
    elif error.status == 401:
        answered.headers["www-authenticate"] = (
            f'Bearer scope="{scope}" error="invalid_token" error_description="{error.what}"'
        )
    return answered


class _JwtDoor:
    def __init__(self, asked: AuthorizerEntry, verify: Verify) -> None:
        self._asked = asked
        self._verify = verify

    async def admit(self, route: RouteEntry, event: Event) -> Event:
        # Loaded with the first caller: most systems' start has none.
        from lamppost.tokens import access, compact

        # The header only, though AWS could be told otherwise: a query ends up in logs.
        found = await self._verify(compact.bearer(event["headers"].get("authorization")))
        access.check_times(found.claims, lifetime=self._asked.lifetime)
        # "API Gateway validates client_id only if aud is not present."
        audience = found.claims.get("aud", found.claims.get("client_id"))
        if audience not in self._asked.audience:
            raise compact.invalid_token("the token does not have a valid audience")
        _check_scopes(found, route)
        return {"jwt": {"claims": found.texts, "scopes": sorted(found.scopes) if route.scopes else None}}


def _check_scopes(found: "Verified", route: RouteEntry) -> None:
    # "The token must include at least one of the route's scopes"; that all are there, the function asks.
    if route.scopes and not found.scopes & set(route.scopes):
        raise CallerError(403, "insufficient_scope", "the token has none of the scopes of this route")


class _Judgement(msgspec.Struct):
    """A simple answer of an authorizer function (payload 2.0)."""

    admitted: bool = msgspec.field(name="isAuthorized")
    context: dict[str, Any] | None = None


class _LambdaDoor:
    def __init__(self, function: str, keep: float, invoke: Invoke, log: Log) -> None:
        self._function = function
        self._keep = keep
        self._invoke = invoke
        self._log = log
        self._kept: dict[bytes, tuple[float, _Judgement]] = {}

    async def admit(self, _: RouteEntry, event: Event) -> Event:
        source = event["headers"].get("authorization")
        if not source:
            raise CallerError(401, "unauthenticated", "this needs an Authorization header")
        # The source is all that an answer is kept by, for every route alike: as on AWS.
        mark = hashlib.sha256(source.encode()).digest()
        until, judgement = self._kept.get(mark, (0.0, None))
        if judgement is None or until <= time.monotonic():
            judgement = await self._ask(source, event)
            self._remember(mark, judgement)
        if not judgement.admitted:
            raise CallerError(403, "forbidden", "the authorizer does not let this caller in")
        return {"lambda": judgement.context or {}}

    async def _ask(self, source: str, event: Event) -> _Judgement:
        result = await self._invoke(self._function, msgspec.json.encode(_question(source, event)))
        if result.error is not None or result.throttled:
            self._log.error("authorizer.failed", function=self._function, request_id=result.request_id)
            raise _broken()
        try:
            return msgspec.json.decode(result.payload, type=_Judgement)
        except msgspec.DecodeError as error:
            self._log.error(
                "authorizer.misunderstood",
                function=self._function,
                error=str(error),
                fix='return {"isAuthorized": True or False, "context": {…}}, not an IAM policy',
            )
            raise _broken() from error

    def _remember(self, mark: bytes, judgement: _Judgement) -> None:
        if self._keep <= 0:
            return
        self._kept.pop(mark, None)
        if len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[mark] = (time.monotonic() + self._keep, judgement)


def _question(source: str, event: Event) -> Event:
    context = event["requestContext"]
    call = context["http"]
    where = f"{context['apiId']}/{context['stage']}/{call['method']}{call['path']}"
    asked = {name: said for name, said in event.items() if name not in ("body", "isBase64Encoded")}
    return {
        **asked,
        "type": "REQUEST",
        "routeArn": f"arn:aws:execute-api:{names.LOCAL_REGION}:{names.LOCAL_ACCOUNT}:{where}",
        "identitySource": [source],
    }


def _broken() -> CallerError:
    return CallerError(500, "authorizer_failed", "the authorizer of this API does not work")
