"""Security groups: they name each other, so that who may speak to whom is no matter of addresses."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud.site import Site

POSTGRES = 5432
HTTPS = 443


class Groups(msgspec.Struct, frozen=True):
    """`app` is every function's, `outside` those functions' that call out, `database` the instance's.

    Where a proxy stands before the instance it has `proxy`, and only the migrator, in `direct`, goes round.
    """

    app: ec2.SecurityGroup
    outside: ec2.SecurityGroup
    database: str
    proxy: str | None
    direct: ec2.SecurityGroup | None


def groups(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> Groups:
    """The groups of the stage."""
    app = _app(site, stack, vpc)
    outside = _outside(stack, vpc)
    if not site.stage.settings.proxy:
        return Groups(app, outside, _database(stack, vpc, {"functions": app}), None, None)
    direct = ec2.SecurityGroup(
        stack,
        "DirectSecurityGroup",
        vpc=vpc,
        description="The migrator: what it locks would bind a proxy's connection to it",
        allow_all_outbound=False,
    )
    proxy = ec2.SecurityGroup(
        stack,
        "ProxySecurityGroup",
        vpc=vpc,
        description="The proxy before PostgreSQL, for functions only",
        allow_all_outbound=False,
    )
    proxy.add_ingress_rule(app, ec2.Port.tcp(POSTGRES), "from functions")
    proxy.add_egress_rule(_own(site), ec2.Port.tcp(POSTGRES), "to the database")
    database = _database(stack, vpc, {"the proxy": proxy, "the migrator": direct})
    return Groups(app, outside, database, proxy.security_group_id, direct)


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


def _database(stack: cdk.Stack, vpc: ec2.Vpc, callers: dict[str, ec2.SecurityGroup]) -> str:
    # The rules stand in the group itself: a rule of its own would be opened after the group is in use.
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
                source_security_group_id=caller.security_group_id,
                description=f"from {name}",
            )
            for name, caller in callers.items()
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
