"""The ways out of the network, and where functions stand in it."""

import json
from pathlib import Path
from typing import Any

import pytest

from lamppost.cloud import node
from tests.cloud.conftest import Stage, asked
from tests.running import ROOT

SHOP = ROOT / "tests" / "data" / "stacks"


def routes(stage: Stage, tier: str) -> list[dict[str, Any]]:
    """The routes out of this tier, apart from those to AWS's own S3."""
    (network,) = [template for id, template in stage.stacks.items() if "-NetworkStack-" in id]
    return [
        each["Properties"]
        for id, each in network.of("AWS::EC2::Route").items()
        if id.startswith(f"Vpc{tier}Subnet")
    ]


def test_ipv6_leads_out_and_never_in(six: Stage) -> None:
    found = routes(six, "private")
    assert len(found) == 2
    for route in found:
        assert route["DestinationIpv6CidrBlock"] == "::/0"
        assert "EgressOnlyInternetGatewayId" in route
    for kind in ("NatGateway", "Instance", "EIP"):
        assert not six.resources(f"AWS::EC2::{kind}"), kind


def test_functions_over_ipv6_ask_the_addresses_that_have_it(six: Stage, dev: Stage) -> None:
    ours = [
        each["Properties"]
        for each in six.resources("AWS::Lambda::Function")
        if each["Properties"].get("Runtime") == "python3.13"
    ]
    assert len(ours) == 5
    for each in ours:
        assert each["VpcConfig"]["Ipv6AllowedForDualStack"] is True
        assert each["Environment"]["Variables"]["AWS_USE_DUALSTACK_ENDPOINT"] == "true"
    app = six["Shop-NetworkStack-six"].named("AWS::EC2::SecurityGroup", GroupDescription="Functions")
    assert [(rule["CidrIpv6"], rule["FromPort"]) for rule in app["SecurityGroupEgress"][2:]] == [
        ("::/0", 443)
    ]
    for each in dev.resources("AWS::Lambda::Function"):
        assert "AWS_USE_DUALSTACK_ENDPOINT" not in json.dumps(each["Properties"].get("Environment", ""))


@pytest.mark.parametrize("egress", ["none", "ipv6"])
def test_no_tier_of_a_stage_without_ipv4_leads_out_over_it(shop: Stage, six: Stage, egress: str) -> None:
    stage = {"none": shop, "ipv6": six}[egress]
    for tier in ("private", "isolated"):
        assert not [route for route in routes(stage, tier) if "DestinationCidrBlock" in route]


def test_nothing_leads_out_of_the_databases_tier(stage: Stage) -> None:
    assert not routes(stage, "isolated")


def test_refused_connections_are_logged_in_every_stage(stage: Stage) -> None:
    (log,) = stage.resources("AWS::EC2::FlowLog")
    assert log["Properties"]["TrafficType"] == "REJECT"
    assert log["Properties"]["ResourceType"] == "VPC"


def test_the_helper_of_the_documents_places_functions_as_the_documents_say() -> None:
    node.choose()
    from aws_cdk import aws_ec2 as ec2

    from lamppost.cloud.network import build_vpc_lambda_props

    vpc, group = object(), object()
    private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
    assert build_vpc_lambda_props(vpc, group) == {
        "vpc": vpc,
        "vpc_subnets": private,
        "security_groups": [group],
    }


def refused(folder: Path, stages: str, *, services: Path) -> str:
    """What is said when the stage dev of such a file is synthesised."""
    (folder / "infra").mkdir()
    (folder / "services").symlink_to(services)
    (folder / "infra" / "stages.toml").write_text(stages)
    done = asked(folder, folder / "out", "dev")
    assert done.returncode == 1
    return done.stderr


def test_a_function_that_calls_out_is_refused_where_only_ipv6_leads_out(tmp_path: Path) -> None:
    written = (ROOT / "infra" / "stages.toml").read_text()
    ipv6 = written.replace('egress = "nat-instance"', 'egress = "ipv6"')
    said = refused(tmp_path, ipv6, services=ROOT / "services")
    assert "birthday.worker has internet=True, and 'dev' a way out over IPv6 only" in said
