"""The NetworkStack: two zones, three tiers of subnets, a way out, and a log of what was refused."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2

from lamppost.cloud import egress, endpoints
from lamppost.cloud.groups import Groups, groups
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Site, export


class Network(msgspec.Struct, frozen=True):
    """Functions stand in the private tier, the database in `isolated`."""

    stack: cdk.Stack
    vpc: ec2.Vpc
    groups: Groups

    @property
    def isolated(self) -> ec2.SubnetSelection:
        """Where the database stands: no route leads out of there, or in."""
        return ec2.SubnetSelection(subnet_group_name="isolated")


def network(site: Site) -> Network:
    """The NetworkStack. Raises `OperatorError` for a function that wants out of a stage without a way."""
    egress.check(site)
    stack = site.stack(site.stage.platform("Network"), "Where functions and database stand")
    vpc = egress.vpc(site, stack)
    _log_refused(site, stack, vpc)
    found = groups(site, stack, vpc)
    vpc.add_gateway_endpoint("S3Endpoint", service=ec2.GatewayVpcEndpointAwsService.S3)
    if site.stage.settings.egress == "none":
        endpoints.add(site, stack, vpc)
    export(stack, "VpcId", vpc.vpc_id)
    export(stack, "AppSecurityGroupId", found.app.security_group_id)
    export(stack, "DbSecurityGroupId", found.database)
    return Network(stack, vpc, found)


def build_vpc_lambda_props(vpc: ec2.IVpc, *security_groups: ec2.ISecurityGroup) -> dict[str, object]:
    """Where a function stands: the private subnets, behind these groups (the app's, and perhaps another)."""
    return {
        "vpc": vpc,
        "vpc_subnets": ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        "security_groups": list(security_groups),
    }


def _log_refused(site: Site, stack: cdk.Stack, vpc: ec2.Vpc) -> None:
    refused = log_group(site, stack, "RefusedLogs", f"/aws/vpc/{site.stage.system}-{site.env}")
    vpc.add_flow_log(
        "Refused",
        traffic_type=ec2.FlowLogTrafficType.REJECT,
        destination=ec2.FlowLogDestination.to_cloud_watch_logs(refused),
    )
