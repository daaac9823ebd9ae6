"""The DomainStack: one host for all HTTP APIs, where a stage has one, each below its service's name."""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_route53 as route53

from lamppost.cloud.domain_settings import Domain
from lamppost.cloud.site import Place, Site, export


def domain(site: Site) -> cdk.Stack | None:
    """The host and its name in the hosted zone; None where the stage's APIs have none of their own."""
    host, settings = api_host(site), site.stage.settings.domain
    if host is None or settings is None:
        return None
    stack = site.stack(site.stage.platform("Domain"), "The host that all HTTP APIs answer at")
    made = gateway.CfnDomainName(
        stack,
        "ApiDomain",
        domain_name=host,
        domain_name_configurations=[
            gateway.CfnDomainName.DomainNameConfigurationProperty(
                certificate_arn=settings.certificate,
                endpoint_type="REGIONAL",
                security_policy="TLS_1_2",
            )
        ],
    )
    record(
        stack,
        "ApiRecord",
        settings,
        host,
        target=made.attr_regional_domain_name,
        zone=made.attr_regional_hosted_zone_id,
    )
    export(stack, "ApiUrl", f"https://{host}")
    return stack


def mapped(place: Place, api: str, stage: gateway.CfnStage) -> None:
    """Put the place's API below its service's name at the stage's host, where there is one.

    The host is named, not referred to: it stands in a stack of its own, before those of services.
    """
    host = api_host(place.site)
    if host is None:
        return
    made = gateway.CfnApiMapping(
        place.stack,
        f"{place.prefix}ApiMapping",
        api_id=api,
        domain_name=host,
        stage=stage.stage_name,
        api_mapping_key=place.service.name,
    )
    made.add_resource_dependency(stage)


def api_host(site: Site) -> str | None:
    """The host of all HTTP APIs."""
    domain = site.stage.settings.domain
    return domain.apis.replace("{env}", site.env) if domain and domain.apis else None


def site_host(site: Site) -> str | None:
    """The host of the stage's web page."""
    domain = site.stage.settings.domain
    return domain.site.replace("{env}", site.env) if domain and domain.site else None


def address(site: Site, service: str, api: str) -> str:
    """Where pages find the API of `service`, whose id is `api`."""
    host = api_host(site)
    if host is not None:
        return f"https://{host}/{service}"
    return f"https://{api}.execute-api.{site.region}.amazonaws.com"


def record(
    stack: cdk.Stack, id: str, domain: Domain, host: str, *, target: str, zone: str, kind: str = "A"
) -> None:
    """A name in the hosted zone that follows an address of AWS's, which costs no look-ups."""
    route53.CfnRecordSet(
        stack,
        id,
        name=host,
        type=kind,
        hosted_zone_id=domain.zone_id,
        alias_target=route53.CfnRecordSet.AliasTargetProperty(dns_name=target, hosted_zone_id=zone),
    )
