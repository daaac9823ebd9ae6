"""The door of an API: API Gateway judges tokens itself, or asks a function of the service."""

import msgspec
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_lambda as lambdas

from lamppost.cloud.identity import Identity
from lamppost.cloud.site import Place
from lamppost.derive.manifest import AuthorizerEntry

HEADER = "$request.header.Authorization"
LAMBDA = "lambda:path/2015-03-31/functions"


class Door(msgspec.Struct, frozen=True):
    """The authorizer's id, and what a route calls its kind: JWT or CUSTOM."""

    authorizer: str
    kind: str

    @property
    def jwt(self) -> bool:
        """Whether API Gateway itself reads the token."""
        return self.kind == "JWT"


def door(
    place: Place, api: str, functions: dict[str, lambdas.IFunction], identity: Identity | None
) -> Door | None:
    """The authorizer that the place's service declares, if any."""
    declared = place.service.authorizer
    if declared is None:
        return None
    if declared.function is not None:
        return _judge(place, api, declared, functions[declared.function])
    if identity is None:
        return None
    made = gateway.CfnAuthorizer(
        place.stack,
        f"{place.prefix}Authorizer",
        api_id=api,
        name=f"{place.service.name}-jwt",
        authorizer_type="JWT",
        identity_source=[HEADER],
        jwt_configuration=gateway.CfnAuthorizer.JWTConfigurationProperty(
            # Cognito's access tokens say client_id, and API Gateway compares that where there is no aud.
            audience=[identity.clients[name] for name in declared.audience],
            issuer=identity.issuer,
        ),
    )
    return Door(made.ref, "JWT")


def _judge(place: Place, api: str, declared: AuthorizerEntry, function: lambdas.IFunction) -> Door:
    site = place.site
    made = gateway.CfnAuthorizer(
        place.stack,
        f"{place.prefix}Authorizer",
        api_id=api,
        name=f"{place.service.name}-function",
        authorizer_type="REQUEST",
        authorizer_payload_format_version="2.0",
        enable_simple_responses=True,
        identity_source=[HEADER],
        authorizer_result_ttl_in_seconds=int(declared.cache),
        authorizer_uri=f"arn:aws:apigateway:{site.region}:{LAMBDA}/{function.function_arn}/invocations",
    )
    lambdas.CfnPermission(
        place.stack,
        f"{place.prefix}AuthorizerCalled",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal="apigateway.amazonaws.com",
        source_arn=f"arn:aws:execute-api:{site.region}:{site.account}:{api}/authorizers/{made.ref}",
    )
    return Door(made.ref, "CUSTOM")
