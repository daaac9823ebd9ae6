"""The network: two zones, three tiers of subnets, and security groups that name each other."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud import endpoints
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Site, export
from lamppost.errors import OperatorError

POSTGRES = 5432
HTTPS = 443


class Network(msgspec.Struct, frozen=True):
    """Functions stand in `private`, the database in `isolated`. Those with `internet` have `outside` too."""

    stack: cdk.Stack
    vpc: ec2.Vpc
    app: ec2.SecurityGroup
    outside: ec2.SecurityGroup
    database: str

    @property
    def private(self) -> ec2.SubnetSelection:
        """Where functions stand."""
        return ec2.SubnetSelection(subnet_group_name="private")

    @property
    def isolated(self) -> ec2.SubnetSelection:
        """Where the database stands: no route leads out of there, or in."""
        return ec2.SubnetSelection(subnet_group_name="isolated")


def network(site: Site) -> Network:
    """The NetworkStack. Raises `OperatorError` for a function that wants out of a stage without a way."""
    _check(site)
    stack = site.stack(site.stage.platform("Network"), "Where functions and database stand")
    vpc = _vpc(site, stack)
    app = _app_group(site, stack, vpc)
    outside = ec2.SecurityGroup(
        stack,
        "InternetSecurityGroup",
        vpc=vpc,
        description="Functions that call whatever address they are told",
        allow_all_outbound=False,
    )
    outside.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.all_tcp(), "webhooks have ports of their own")
    database = _database_group(stack, vpc, app)
    vpc.add_gateway_endpoint("S3Endpoint", service=ec2.GatewayVpcEndpointAwsService.S3)
    if site.stage.settings.egress == "none":
        endpoints.add(site, stack, vpc)
    export(stack, "VpcId", vpc.vpc_id)
    export(stack, "AppSecurityGroupId", app.security_group_id)
    export(stack, "DbSecurityGroupId", database)
    return Network(stack, vpc, app, outside, database)


def _check(site: Site) -> None:
    for service, function in site.functions():
        if function.internet and site.stage.settings.egress == "none":
            raise OperatorError(
                f"function {service.name}.{function.name} has internet=True, and {site.env!r} no way out",
                fix='give the stage egress = "nat" or "nat-instance" in infra/stages.toml',
                code="stage_without_egress",
            )


def _vpc(site: Site, stack: cdk.Stack) -> ec2.Vpc:
    egress = site.stage.settings.egress
    kinds = ec2.SubnetType
    instance = _nat_instance() if egress == "nat-instance" else None
    vpc = ec2.Vpc(
        stack,
        "Vpc",
        vpc_name=f"{site.stage.system}-{site.env}",
        ip_addresses=ec2.IpAddresses.cidr(site.stage.settings.cidr),
        max_azs=len(site.stage.settings.zones),
        nat_gateways=0 if egress == "none" else 1,
        nat_gateway_provider=instance,
        subnet_configuration=[
            # Only what leads out stands in the public tier, and asks for its public address itself.
            ec2.SubnetConfiguration(
                name="public", subnet_type=kinds.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
            ),
            ec2.SubnetConfiguration(
                name="private",
                subnet_type=kinds.PRIVATE_ISOLATED if egress == "none" else kinds.PRIVATE_WITH_EGRESS,
                cidr_mask=24,
            ),
            ec2.SubnetConfiguration(name="isolated", subnet_type=kinds.PRIVATE_ISOLATED, cidr_mask=24),
        ],
    )
    if instance is not None:
        own = ec2.Peer.ipv4(site.stage.settings.cidr)
        instance.security_group.add_ingress_rule(
            own, ec2.Port.all_traffic(), "from functions, on their way out"
        )
    refused = log_group(site, stack, "RefusedLogs", f"/aws/vpc/{site.stage.system}-{site.env}")
    vpc.add_flow_log(
        "Refused",
        traffic_type=ec2.FlowLogTrafficType.REJECT,
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(refused),
    )
    return vpc


def _nat_instance() -> ec2.NatInstanceProviderV2:
    # A gateway costs 36.50 $ a month with its address, this 6.72 $; while it restarts, nothing leaves.
    return ec2.NatProvider.instance_v2(
        instance_type=ec2.InstanceType("t4g.nano"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
        default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
        associate_public_ip_address=True,
    )


def _app_group(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        stack, "AppSecurityGroup", vpc=vpc, description="Functions", allow_all_outbound=False
    )
    # The database's group names this one; naming it here as well would be a circle.
    group.add_egress_rule(ec2.Peer.ipv4(site.stage.settings.cidr), ec2.Port.tcp(POSTGRES), "to the database")
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "to AWS and to HTTPS webhooks")
    return group


def _database_group(stack: cdk.Stack, vpc: ec2.Vpc, app: ec2.SecurityGroup) -> str:
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
