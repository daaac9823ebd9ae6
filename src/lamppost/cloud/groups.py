"""Security groups: they name each other, so that who may speak to whom is no matter of addresses."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud.site import Site

POSTGRES = 5432
HTTPS = 443


class Groups(msgspec.Struct, frozen=True):
    """`app` is every function's, `outside` those functions' that call out, `database` the instance's."""

    app: ec2.SecurityGroup
    outside: ec2.SecurityGroup
    database: str


def groups(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> Groups:
    """The groups of the stage."""
    app = _app(site, stack, vpc)
    return Groups(app, _outside(stack, vpc), _database(stack, vpc, app))


def _own(site: Site) -> ec2.IPeer:
    # The group at the other end names this one; naming it here as well would be a circle.
    return ec2.Peer.ipv4(site.stage.settings.cidr)


def _app(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        stack, "AppSecurityGroup", vpc=vpc, description="Functions", allow_all_outbound=False
    )
    group.add_egress_rule(_own(site), ec2.Port.tcp(POSTGRES), "to the database")
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "to AWS and to HTTPS webhooks")
    if site.stage.settings.egress == "ipv6":
        group.add_egress_rule(ec2.Peer.any_ipv6(), ec2.Port.tcp(HTTPS), "to AWS")
    return group


def _outside(stack: cdk.Stack, vpc: ec2.Vpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        stack,
        "InternetSecurityGroup",
        vpc=vpc,
        description="Functions that call whatever address they are told",
        allow_all_outbound=False,
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.all_tcp(), "webhooks have ports of their own")
    return group


def _database(stack: cdk.Stack, vpc: ec2.Vpc, app: ec2.SecurityGroup) -> str:
    # The rule stands in the group itself: a rule of its own would be opened after the group is in use.
    group = ec2.CfnSecurityGroup(
        stack,
        "DbSecurityGroup",
        vpc_id=vpc.vpc_id,
        group_description="PostgreSQL, for functions only",
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                from_port=POSTGRES,
                to_port=POSTGRES,
                source_security_group_id=app.security_group_id,
                description="from functions",
            )
        ],
        # A group without a rule for what leaves would let everything out.
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="icmp",
                from_port=252,
                to_port=86,
                cidr_ip="255.255.255.255/32",
                description="nothing leaves",
            )
        ],
    )
    return str(group.attr_group_id)
