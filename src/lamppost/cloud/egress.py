"""The ways out of the network. Each costs something else, and one of them is none."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud.site import Site
from lamppost.errors import OperatorError

# With it AWS's clients, ours and boto3, ask the endpoints that have IPv6 addresses too.
DUAL_STACK = {"AWS_USE_DUALSTACK_ENDPOINT": "true"}
_WITHOUT_IPV4 = {
    "none": "no way out",
    "ipv6": "a way out over IPv6 only, which many webhooks do not have",
}


def check(site: Site) -> None:
    """Raise `OperatorError` for a function that calls addresses it is told, where no IPv4 leads out."""
    lack = _WITHOUT_IPV4.get(site.stage.settings.egress)
    for service, function in site.functions():
        if function.internet and lack is not None:
            raise OperatorError(
                f"function {service.name}.{function.name} has internet=True, and {site.env!r} {lack}",
                fix='give the stage egress = "nat" or "nat-instance" in infra/stages.toml',
                code="stage_without_egress",
            )


def vpc(site: Site, stack: cdk.Stack) -> ec2.Vpc:
    """The network with its three tiers, and the stage's way out of the private one."""
    egress = site.stage.settings.egress
    kinds = ec2.SubnetType
    instance = _nat_instance() if egress == "nat-instance" else None
    made = ec2.Vpc(
        stack,
        "Vpc",
        vpc_name=f"{site.stage.system}-{site.env}",
        ip_protocol=ec2.IpProtocol.DUAL_STACK if egress == "ipv6" else ec2.IpProtocol.IPV4_ONLY,
        ip_addresses=ec2.IpAddresses.cidr(site.stage.settings.cidr),
        max_azs=len(site.stage.settings.zones),
        nat_gateways=1 if egress in ("nat", "nat-instance") else 0,
        nat_gateway_provider=instance,
        subnet_configuration=[
            # Only what leads out stands in the public tier, and asks for its public address itself.
            ec2.SubnetConfiguration(
                name="public", subnet_type=kinds.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
            ),
            # CDK's name for the tier promises a way out; without a NAT there is no route.
            ec2.SubnetConfiguration(name="private", subnet_type=kinds.PRIVATE_WITH_EGRESS, cidr_mask=24),
            ec2.SubnetConfiguration(name="isolated", subnet_type=kinds.PRIVATE_ISOLATED, cidr_mask=24),
        ],
    )
    if instance is not None:
        own = ec2.Peer.ipv4(site.stage.settings.cidr)
        instance.security_group.add_ingress_rule(
            own, ec2.Port.all_traffic(), "from functions, on their way out"
        )
    return made


def _nat_instance() -> ec2.NatInstanceProviderV2:
    # A gateway costs 36.50 $ a month with its address, this 6.72 $; while it restarts, nothing leaves.
    return ec2.NatProvider.instance_v2(
        instance_type=ec2.InstanceType("t4g.nano"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
        default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
        associate_public_ip_address=True,
    )
