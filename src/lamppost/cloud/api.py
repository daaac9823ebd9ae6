"""A service's HTTP API: its routes, who may call them, how often, and what is noted of each call."""

from collections.abc import Iterator

import msgspec
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.authorizing import Door, door
from lamppost.cloud.domain import mapped
from lamppost.cloud.edge_pages import cors
from lamppost.cloud.identity import Identity
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Place, export
from lamppost.declare import limits
from lamppost.derive.manifest import CorsEntry, FunctionEntry, RouteEntry, ServiceEntry

STAGE = "$default"
# What API Gateway knows of a call, and why it gave up on one. A token is not among it.
NOTED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationMs": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
    "error": "$context.error.message",
    "subject": "$context.authorizer.claims.sub",
}


class Way(msgspec.Struct, frozen=True):
    """One route of the API, and the function it leads to. A `refusing` one takes what no other offers."""

    method: str
    route: RouteEntry
    function: str
    refusing: bool = False

    @property
    def key(self) -> str:
        """API Gateway's route key."""
        return f"{self.method} {self.route.path}"


def ways(service: ServiceEntry) -> tuple[Way, ...]:
    """Every route of the service.

    API Gateway would say 404 to a method that no route offers, and to HEAD where GET is offered. So a GET
    brings a HEAD with it, and each path an ANY, open to strangers, to a function that knows what is offered.
    """
    found: dict[str, Way] = {}
    for way in _ways(service):
        found.setdefault(way.key, way)
    return tuple(found.values())


def _ways(service: ServiceEntry) -> Iterator[Way]:
    routes = [(function, route) for function in service.functions for route in function.routes]
    for function, route in routes:
        yield Way(route.method, route, function.name)
    for function, route in routes:
        if route.method == "GET":
            yield Way("HEAD", route, function.name)
    for function, route in routes:
        yield Way("ANY", route, function.name, refusing=True)


def api(place: Place, functions: dict[str, lambdas.IFunction], identity: Identity | None) -> str:
    """The API of the place's service: its id. Its address is the output `ApiEndpoint`."""
    site, service = place.site, place.service
    made = gateway.CfnApi(
        place.stack,
        f"{place.prefix}Api",
        name=site.stage.api_name(service.name),
        description=service.about,
        protocol_type="HTTP",
        cors_configuration=_cors(allowed, site.env) if (allowed := cors(site, service)) else None,
    )
    integrations = {
        entry.name: _integration(place, made.ref, entry, functions[entry.name])
        for entry in service.functions
        if entry.routes
    }
    entrance = door(place, made.ref, functions, identity)
    stage = _stage(place, made.ref)
    mapped(place, made.ref, stage)
    for way in ways(service):
        route = _route(place, made.ref, way, integrations[way.function], entrance)
        # The stage names routes in its throttles, so they have to be there.
        stage.add_resource_dependency(route)
    export(place.stack, f"{place.prefix}ApiEndpoint", made.attr_api_endpoint)
    return str(made.ref)


def _integration(place: Place, api: str, entry: FunctionEntry, function: lambdas.IFunction) -> str:
    site = place.site
    lambdas.CfnPermission(
        place.stack,
        f"{place.id(entry.name)}Called",
        action="lambda:InvokeFunction",
        # By its ARN: an alias of another stack has no name that CloudFormation could take apart.
        function_name=function.function_arn,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:aws:execute-api:{site.region}:{site.account}:{api}/{STAGE}/*",
    )
    made = gateway.CfnIntegration(
        place.stack,
        f"{place.id(entry.name)}Integration",
        api_id=api,
        integration_type="AWS_PROXY",
        integration_uri=function.function_arn,
        payload_format_version="2.0",
        timeout_in_millis=int(limits.HTTP_TIMEOUT.total_seconds() * 1000),
    )
    return str(made.ref)


def _route(place: Place, api: str, way: Way, integration: str, entrance: Door | None) -> gateway.CfnRoute:
    guard = None if way.route.public or way.refusing else entrance
    return gateway.CfnRoute(
        place.stack,
        f"{place.prefix}Route {way.key}".replace("/", "|"),
        api_id=api,
        route_key=way.key,
        target=f"integrations/{integration}",
        authorization_type=guard.kind if guard else "NONE",
        authorizer_id=guard.authorizer if guard else None,
        # Scopes are claims of a JWT; a function that judges tokens looks for itself.
        authorization_scopes=list(way.route.scopes) or None if guard and guard.jwt else None,
    )


def _stage(place: Place, api: str) -> gateway.CfnStage:
    settings = place.site.stage.settings
    name = place.site.stage.api_name(place.service.name)
    noted = log_group(place.site, place.stack, f"{place.prefix}ApiLogs", f"/aws/apigateway/{name}")
    return gateway.CfnStage(
        place.stack,
        f"{place.prefix}ApiStage",
        api_id=api,
        stage_name=STAGE,
        auto_deploy=True,
        access_log_settings=gateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=noted.log_group_arn,
            format=msgspec.json.encode(NOTED).decode(),
        ),
        default_route_settings=gateway.CfnStage.RouteSettingsProperty(
            detailed_metrics_enabled=True,
            throttling_rate_limit=settings.throttle_rate,
            throttling_burst_limit=settings.throttle_burst,
        ),
        route_settings={
            way.key: {
                # What is unsaid here is not taken from the default.
                "DetailedMetricsEnabled": True,
                "ThrottlingRateLimit": way.route.rate.stage_rate,
                "ThrottlingBurstLimit": way.route.rate.stage_burst,
            }
            for way in ways(place.service)
            if way.route.rate and not way.refusing
        }
        or None,
    )


def _cors(cors: CorsEntry, env: str) -> gateway.CfnApi.CorsProperty:
    return gateway.CfnApi.CorsProperty(
        allow_origins=[origin.replace("{env}", env) for origin in cors.origins],
        allow_methods=list(cors.methods),
        allow_headers=list(cors.headers),
        expose_headers=list(cors.expose) or None,
        allow_credentials=cors.credentials,
        max_age=cors.max_age,
    )
