"""HTTP APIs: who may call, how often, and that it is noted."""

from collections.abc import Iterator

from lamppost.cloud.rules.stacks import Broken, Stacks

API = "ApiGatewayV2::Api"
ROUTE = "ApiGatewayV2::Route"
STAGE = "ApiGatewayV2::Stage"


def calls_are_noted(stacks: Stacks) -> Iterator[Broken]:
    """Each call leaves a line, with why it failed."""
    for stage in stacks.of(STAGE):
        noted = stage.get("AccessLogSettings", "Format", default="")
        if not stage.get("AccessLogSettings", "DestinationArn"):
            yield stage.broken("notes no calls", "give it an access log")
        elif "$context.integrationErrorMessage" not in noted:
            yield stage.broken("does not note why a call failed", "log $context.integrationErrorMessage")


def calls_are_throttled(stacks: Stacks) -> Iterator[Broken]:
    """Nobody alone uses up what the account may do."""
    for stage in stacks.of(STAGE):
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if not stage.get("DefaultRouteSettings", limit):
                yield stage.broken(f"has no {limit}", "set throttle_rate and throttle_burst")


def open_routes_are_declared(stacks: Stacks) -> Iterator[Broken]:
    """A route without an authorizer is one that its declaration calls public.

    ANY stands beside declared routes only to say 405, or is declared itself.
    """
    closed = {
        (service.name, key)
        for service in stacks.manifest.services
        if service.authorizer is not None
        for function in service.functions
        for route in function.routes
        if not route.public
        for key in (route.key, f"HEAD {route.path}" if route.method == "GET" else route.key)
    }
    apis = _services(stacks)
    for route in stacks.of(ROUTE):
        api = stacks.target(route.stack, route.get("ApiId"))
        service = apis.get((api.stack, api.id)) if api else None
        key = route.get("RouteKey")
        kind = route.get("AuthorizationType", default="NONE")
        if (service, key) in closed and (kind == "NONE" or not route.get("AuthorizerId")):
            yield route.broken(f"lets anybody {key}", "give it the authorizer, or declare it public=True")


def _services(stacks: Stacks) -> dict[tuple[str, str], str]:
    """Whose each API is: by the functions that its integrations call."""
    owners: dict[tuple[str, str], str] = {}
    for integration in stacks.of("ApiGatewayV2::Integration"):
        api = stacks.target(integration.stack, integration.get("ApiId"))
        function = stacks.target(integration.stack, integration.get("IntegrationUri"))
        if function and function.kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            function = stacks.target(function.stack, function.get("FunctionName"))
        if api and function:
            known = function.get("Environment", "Variables", "LAMPPOST_FUNCTION", default="")
            owners[api.stack, api.id] = known.partition(".")[0]
    return owners


def strangers_pages_bring_no_cookies(stacks: Stacks) -> Iterator[Broken]:
    """Any page may call, or callers are recognised by their cookies: never both."""
    for api in stacks.of(API):
        cors = api.get("CorsConfiguration", default={})
        if cors.get("AllowCredentials") and "*" in cors.get("AllowOrigins", []):
            yield api.broken("lets any page use its visitor's sign-in", "name the origins")


def tokens_are_for_us(stacks: Stacks) -> Iterator[Broken]:
    """A token of our issuer for somebody else opens nothing here."""
    for authorizer in stacks.of("ApiGatewayV2::Authorizer"):
        if authorizer.get("AuthorizerType") == "JWT" and not authorizer.get("JwtConfiguration", "Audience"):
            yield authorizer.broken("takes tokens meant for others", "name the audience")


RULES = (
    calls_are_noted,
    calls_are_throttled,
    open_routes_are_declared,
    strangers_pages_bring_no_cookies,
    tokens_are_for_us,
)
