"""HTTP APIs: what is offered, to whom, how often, and what is noted of it."""

import json
from typing import Any

from tests.cloud.conftest import Stage, Synthesised, Template

ROUTE = "AWS::ApiGatewayV2::Route"


def routes(template: Template, prefix: str = "") -> dict[str, dict[str, Any]]:
    """Route key to the route's properties."""
    found = {
        each["Properties"]["RouteKey"]: each["Properties"]
        for id, each in template.of(ROUTE).items()
        if id.startswith(prefix)
    }
    assert found
    return found


def test_every_declared_route_is_offered(synthesised: Synthesised, dev: Stage) -> None:
    declared = {
        service.name: {route.key for function in service.functions for route in function.routes}
        for service in synthesised.manifest.services
    }
    assert declared["birthday"] <= routes(dev["BdayInfraStack"]).keys()
    assert declared["users"] <= routes(dev["ApiStack-dev"], "Users").keys()
    assert declared["orders"] <= routes(dev["ApiStack-dev"], "Orders").keys()


def test_only_a_public_route_asks_for_no_token(synthesised: Synthesised, dev: Stage) -> None:
    (users,) = [service for service in synthesised.manifest.services if service.name == "users"]
    offered = routes(dev["ApiStack-dev"], "Users")
    for route in users.functions[0].routes:
        assert offered[route.key]["AuthorizationType"] == ("NONE" if route.public else "JWT"), route.key


def test_head_is_offered_wherever_get_is_and_to_the_same_callers(dev: Stage) -> None:
    offered = routes(dev["ApiStack-dev"], "Orders")
    for key, route in offered.items():
        if key.startswith("GET "):
            head = offered[f"HEAD {key[4:]}"]
            assert {**head, "RouteKey": key} == route


def test_a_method_that_nobody_offers_reaches_the_function_which_says_405(stage: Stage) -> None:
    offered = routes(stage[f"ApiStack-{stage.env}"], "Orders")
    for key in list(offered):
        any_method = offered[f"ANY {key.partition(' ')[2]}"]
        assert any_method["AuthorizationType"] == "NONE"
        assert any_method["Target"] == offered[key]["Target"]


def test_a_declared_any_keeps_its_door(shop: Stage) -> None:
    offered = routes(shop["Shop-ApiStack-shut"])
    assert offered["ANY /raw"]["AuthorizationType"] == "CUSTOM"
    assert set(offered) == {
        "GET /hello", "HEAD /hello", "ANY /hello", "ANY /raw",
        "GET /parcels/{id}", "HEAD /parcels/{id}", "ANY /parcels/{id}",
    }  # fmt: skip


def test_api_gateway_reads_tokens_of_our_pool_for_our_client(dev: Stage) -> None:
    authorizer = dev["BdayInfraStack"].named("AWS::ApiGatewayV2::Authorizer", AuthorizerType="JWT")
    rule = json.dumps(authorizer["JwtConfiguration"])
    outputs = dev["Barkbase-IdentityStack-dev"].body["Outputs"]
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert "https://cognito-idp.us-east-2.amazonaws.com/" in rule
    assert [key for key in outputs if key in rule and "BdayClient" in key]
    assert not [key for key in outputs if key in rule and "AppClient" in key]


def test_a_function_may_judge_tokens_and_only_this_api_may_ask_it(shop: Stage) -> None:
    template = shop["Shop-ApiStack-shut"]
    authorizer = template.named("AWS::ApiGatewayV2::Authorizer", AuthorizerType="REQUEST")
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["AuthorizerResultTtlInSeconds"] == 120
    asked = [
        json.dumps(each["Properties"]["SourceArn"])
        for each in template.of("AWS::Lambda::Permission").values()
    ]
    assert len(asked) == 2
    assert sum("/authorizers/" in arn for arn in asked) == 1


def test_the_throttle_follows_from_the_declared_rate(shop: Stage, dev: Stage) -> None:
    stage = shop["Shop-ApiStack-shut"].named("AWS::ApiGatewayV2::Stage", StageName="$default")
    slow = {"DetailedMetricsEnabled": True, "ThrottlingRateLimit": 10, "ThrottlingBurstLimit": 120}
    assert stage["RouteSettings"] == {"GET /parcels/{id}": slow, "HEAD /parcels/{id}": slow}
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 200
    # API Gateway refuses a throttle of a route that is not there yet.
    for each in dev["ApiStack-dev"].of("AWS::ApiGatewayV2::Stage").values():
        assert len(each["DependsOn"]) > 20


def test_a_call_is_noted_with_why_it_failed_and_without_its_token(stage: Stage) -> None:
    stages = stage.resources("AWS::ApiGatewayV2::Stage")
    assert len(stages) == 3
    for each in stages:
        noted = json.loads(each["Properties"]["AccessLogSettings"]["Format"])
        assert noted["integrationError"] == "$context.integrationErrorMessage"
        assert noted["authorizerError"] == "$context.authorizer.error"
        assert "Authorization" not in json.dumps(noted)


def test_pages_of_the_stages_own_origin_may_call(shop: Stage) -> None:
    (api,) = shop.resources("AWS::ApiGatewayV2::Api")
    assert api["Properties"]["CorsConfiguration"] == {
        "AllowOrigins": ["https://shut.shop.example", "https://www.shop.example", "http://localhost:5173"],
        "AllowMethods": ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"],
        "AllowHeaders": ["authorization", "content-type", "idempotency-key"],
        "AllowCredentials": True,
        "MaxAge": 3600,
    }


def test_strangers_become_nobody_unseen(dev: Stage) -> None:
    (pool,) = dev.resources("AWS::Cognito::UserPool")
    assert pool["Properties"]["AutoVerifiedAttributes"] == ["email"]
    # Confirming people is what a trigger would do.
    assert "LambdaConfig" not in pool["Properties"]
