"""A second server that follows the first: for heavy reading, and to be promoted when the first is lost."""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds

from lamppost.cloud.network import Network
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Site, export


class Source(msgspec.Struct, frozen=True):
    """The first server, its settings, and the security group that admits to both."""

    instance: rds.DatabaseInstance
    parameters: rds.ParameterGroup
    group: ec2.ISecurityGroup


def replica(
    site: Site, stack: cdk.Stack, network: Network, source: Source
) -> rds.DatabaseInstanceReadReplica:
    """The replica; its address is the output `DbReplicaHost`. No function is led there by itself."""
    settings = site.stage.settings
    name = f"{site.stage.system}-{site.env}-replica"
    spoken = log_group(site, stack, "ReplicaLogs", f"/aws/rds/instance/{name}/postgresql")
    made = rds.DatabaseInstanceReadReplica(
        stack,
        "Replica",
        instance_identifier=name,
        source_database_instance=source.instance,
        instance_type=ec2.InstanceType(settings.instance),
        vpc=network.vpc,
        vpc_subnets=network.isolated,
        security_groups=[source.group],
        parameter_group=source.parameters,
        storage_type=rds.StorageType.GP3,
        max_allocated_storage=settings.storage_max_gb,
        # It is encrypted as its source is; CloudFormation refuses to be told so.
        publicly_accessible=False,
        ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        preferred_maintenance_window=settings.maintenance_window,
        copy_tags_to_snapshot=True,
        auto_minor_version_upgrade=True,
        deletion_protection=settings.protected,
        # All it has is a copy, and RDS makes no last snapshot of one.
        removal_policy=cdk.RemovalPolicy.DESTROY,
        cloudwatch_logs_exports=["postgresql"],
        database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
        enable_performance_insights=True,
    )
    made.node.add_dependency(spoken)
    export(stack, "DbReplicaHost", made.db_instance_endpoint_address)
    return made
