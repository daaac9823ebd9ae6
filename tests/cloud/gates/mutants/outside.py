"""Mistakes about what the outside reaches: APIs, buckets, the network."""

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import add, drop, find, put, remove
from tests.cloud.gates.mutants.table import mistake

BIRTHDAY = "BdayInfraStack"


@mistake("Miyabi", "rule:buckets-are-private", "checkov:CKV_AWS_53")
def a_public_bucket(stacks: Stacks) -> None:
    drop(find(stacks, "S3::Bucket", "OrdersFiles"), "PublicAccessBlockConfiguration")


@mistake("the field", "rule:buckets-are-encrypted")
def a_bucket_that_says_nothing_of_encryption(stacks: Stacks) -> None:
    drop(find(stacks, "S3::Bucket", "OrdersFiles"), "BucketEncryption")


@mistake("Miyabi", "rule:buckets-speak-tls", "nag:AwsSolutions-S10")
def a_bucket_for_everybody(stacks: Stacks) -> None:
    policy = find(stacks, "S3::BucketPolicy", "OrdersFiles")
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::orders-files/*",
    }
    put(policy, "PolicyDocument", "Statement", [allow])


@mistake("Miyabi", "rule:calls-are-noted", "nag:AwsSolutions-APIG1", "checkov:CKV_AWS_95")
def an_api_without_a_log(stacks: Stacks) -> None:
    drop(find(stacks, "ApiGatewayV2::Stage", "ApiStage"), "AccessLogSettings")


@mistake("Miyabi", "rule:calls-are-throttled", "nag:Serverless-APIGWDefaultThrottling")
def an_api_without_limits(stacks: Stacks) -> None:
    settings = find(stacks, "ApiGatewayV2::Stage", "ApiStage")
    drop(settings, "DefaultRouteSettings", "ThrottlingRateLimit")
    drop(settings, "DefaultRouteSettings", "ThrottlingBurstLimit")


@mistake("Miyabi", "rule:open-routes-are-declared")
def a_route_that_asks_for_no_token(stacks: Stacks) -> None:
    route = find(stacks, "ApiGatewayV2::Route", "OrdersRouteGETorders", RouteKey="GET /orders")
    put(route, "AuthorizationType", "NONE")


@mistake("the field", "rule:strangers-pages-bring-no-cookies")
def any_page_with_its_visitors_cookies(stacks: Stacks) -> None:
    cors = {"AllowOrigins": ["*"], "AllowCredentials": True}
    put(find(stacks, "ApiGatewayV2::Api", "Api"), "CorsConfiguration", cors)


@mistake("BarkBase backend", "rule:tokens-are-for-us")
def tokens_meant_for_others(stacks: Stacks) -> None:
    authorizer = find(stacks, "ApiGatewayV2::Authorizer", AuthorizerType="JWT")
    drop(authorizer, "JwtConfiguration", "Audience")


@mistake("BarkBase backend", "rule:refusals-are-noted", "nag:AwsSolutions-VPC7")
def no_flow_log(stacks: Stacks) -> None:
    remove(stacks, find(stacks, "EC2::FlowLog"))


@mistake("BarkBase backend", "rule:one-network")
def a_second_network(stacks: Stacks) -> None:
    add(stacks, BIRTHDAY, "Another", "AWS::EC2::VPC", CidrBlock="10.9.0.0/16")
