"""The DomainStack: one host for every API, below its service's name, and pages that may call them."""

import json

from tests.bad_inputs import Called, event
from tests.cloud.conftest import Stage

MAPPING = "AWS::ApiGatewayV2::ApiMapping"


def test_a_stage_without_a_domain_has_nothing_of_one(stage: Stage) -> None:
    assert not [id for id in stage.stacks if "Domain" in id]
    assert not stage.resources(MAPPING)


def test_the_host_has_the_stages_certificate_and_a_name_in_its_zone(shop: Stage) -> None:
    template = shop["Shop-DomainStack-shut"]
    host = template.named("AWS::ApiGatewayV2::DomainName", DomainName="api.shop.example")
    (settings,) = host["DomainNameConfigurations"]
    assert settings["SecurityPolicy"] == "TLS_1_2"
    assert settings["CertificateArn"].startswith("arn:aws:acm:eu-central-1:123456789012:")
    name = template.named("AWS::Route53::RecordSet", Name="api.shop.example")
    assert (name["Type"], name["HostedZoneId"]) == ("A", "Z0123456789ABC")
    assert name["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["ApiDomain", "RegionalDomainName"]}
    assert template.exports() == {"ApiUrl": "Shop-DomainStack-shut-ApiUrl"}


def test_each_api_answers_below_its_services_name_as_on_one_machine(shop: Stage) -> None:
    template = shop["Shop-ApiStack-shut"]
    ((id, mapping),) = template.of(MAPPING).items()
    assert mapping["Properties"] == {
        "ApiId": {"Ref": "Api"},
        "ApiMappingKey": "shop",
        "DomainName": "api.shop.example",
        "Stage": "$default",
    }
    # Neither the host nor the API's stage is there by itself when the mapping is made.
    assert any("Stage" in each for each in mapping["DependsOn"])
    assert shop.waits_for("Shop-ApiStack-shut", "Shop-DomainStack-shut"), id


def test_nothing_has_to_be_looked_up_for_it(shop: Stage) -> None:
    assert not shop.assembly.get("missing")


def test_a_wrong_method_is_told_the_right_ones_below_the_services_name_too() -> None:
    """API Gateway leaves the mapping's key in the path, and routes by what is behind it."""
    probe = Called("tests.data.probe.services.probe.service")
    elsewhere = {**event("ANY /things"), "rawPath": "/probe/things"}
    elsewhere["requestContext"] = {"http": {"method": "DELETE"}}
    refused = probe.raw(elsewhere)
    assert (refused["statusCode"], json.loads(refused["body"])["code"]) == (405, "method_not_allowed")
    assert probe.raw({**elsewhere, "rawPath": "/probe/nope"})["statusCode"] == 404
    assert probe.raw({**elsewhere, "rawPath": "/probethings"})["statusCode"] == 404
