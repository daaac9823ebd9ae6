"""Doors to AWS's services, for a stage without a way out: those that somebody's declaration needs."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud.site import Site

HTTPS = 443


def needed(site: Site) -> tuple[str, ...]:
    """The services that functions call: by what they send, read and open."""
    functions = [function for _, function in site.functions()]
    wanted = {
        "secretsmanager": any(each.database or each.reads_secrets or each.migrates for each in functions),
        "sqs": any(each.sends for each in functions),
        "ssm": any(each.reads_parameters for each in functions),
    }
    return tuple(name for name, asked in wanted.items() if asked)


def add(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    """Open them to the network's own addresses."""
    group = ec2.SecurityGroup(
        stack, "EndpointSecurityGroup", vpc=vpc, description="Doors to AWS", allow_all_outbound=False
    )
    group.add_ingress_rule(ec2.Peer.ipv4(site.stage.settings.cidr), ec2.Port.tcp(HTTPS), "from functions")
    for name in needed(site):
        vpc.add_interface_endpoint(
            f"{name.title()}Endpoint",
            service=ec2.InterfaceVpcEndpointAwsService(name),
            subnets=ec2.SubnetSelection(subnet_group_name="private"),
            security_groups=[group],
            open=False,
        )
