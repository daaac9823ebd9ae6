"""The ProxyStack: many functions' connections over few of the server's, and failovers that hardly show.

It comes behind the migrations, which make the roles. CloudFormation waits until a new proxy has logged in as
one of them, and gives up when none is there: https://github.com/aws/aws-cdk/issues/8919

It is a stack of its own, and the instance goes on admitting functions: whoever turns the proxy on or off
leads functions there or away while both ways are open. Off, the stack is left over for somebody to delete.
"""

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds

from lamppost.cloud.functions import Ground
from lamppost.cloud.groups import POSTGRES
from lamppost.cloud.migrations import Migrations
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import export

# What is left is for the migrator and for people, who go round it.
CONNECTIONS_PERCENT = 90
BORROW_SECONDS = 10
IDLE_SECONDS = 600
# As PostgreSQL itself keeps the roles' passwords.
SCRAM = "POSTGRES_SCRAM_SHA_256"


def behind_proxy(ground: Ground, migrated: Migrations) -> Ground:
    """The ground that services stand on: led to the proxy, where the stage pays for one."""
    site = ground.site
    if not site.stage.settings.proxy:
        return ground
    stack = site.stack(site.stage.platform("Proxy"), "Stands between functions and PostgreSQL")
    stack.add_stack_dependency(migrated.stack)
    return msgspec.structs.replace(ground, proxy=_proxy(ground, stack))


def _proxy(ground: Ground, stack: cdk.Stack) -> str:
    """The proxy's address. TLS only, and each database's role comes by its secret."""
    site, server = ground.site, ground.server
    name = f"{site.stage.system}-{site.env}"
    secrets = list(server.secrets.values())
    # Made before the proxy, or RDS makes it and keeps everything for ever.
    spoken = log_group(site, stack, "ProxyLogs", f"/aws/rds/proxy/{name}")
    opened = _group(ground, stack)
    made = rds.CfnDBProxy(
        stack,
        "Proxy",
        db_proxy_name=name,
        engine_family="POSTGRESQL",
        require_tls=True,
        idle_client_timeout=IDLE_SECONDS,
        role_arn=_role(stack, secrets).role_arn,
        auth=[
            rds.CfnDBProxy.AuthFormatProperty(
                auth_scheme="SECRETS",
                client_password_auth_type=SCRAM,
                iam_auth="DISABLED",
                secret_arn=arn,
            )
            for arn in secrets
        ],
        vpc_subnet_ids=ground.network.vpc.select_subnets(subnet_group_name="isolated").subnet_ids,
        vpc_security_group_ids=[opened.attr_group_id],
    )
    made.node.add_dependency(spoken)
    rds.CfnDBProxyTargetGroup(
        stack,
        "ProxyTargets",
        db_proxy_name=made.ref,
        target_group_name="default",
        db_instance_identifiers=[server.identifier],
        connection_pool_configuration_info={
            "maxConnectionsPercent": CONNECTIONS_PERCENT,
            "connectionBorrowTimeout": BORROW_SECONDS,
        },
    ).node.add_dependency(_let_in(ground, stack, opened))
    export(stack, "ProxyEndpoint", made.attr_endpoint)
    return str(made.attr_endpoint)


def _group(ground: Ground, stack: cdk.Stack) -> ec2.CfnSecurityGroup:
    """The proxy's security group: functions come in, and all that leaves goes to the database."""
    groups = ground.network.groups
    return ec2.CfnSecurityGroup(
        stack,
        "ProxySecurityGroup",
        vpc_id=ground.network.vpc.vpc_id,
        group_description="The proxy before PostgreSQL, for functions only",
        security_group_ingress=[
            ec2.CfnSecurityGroup.IngressProperty(
                ip_protocol="tcp",
                from_port=POSTGRES,
                to_port=POSTGRES,
                source_security_group_id=groups.app.security_group_id,
                description="from functions",
            )
        ],
        security_group_egress=[
            ec2.CfnSecurityGroup.EgressProperty(
                ip_protocol="tcp",
                from_port=POSTGRES,
                to_port=POSTGRES,
                destination_security_group_id=groups.database,
                description="to the database",
            )
        ],
    )


def _let_in(ground: Ground, stack: cdk.Stack, proxy: ec2.CfnSecurityGroup) -> ec2.CfnSecurityGroupIngress:
    """The database's door for the proxy: it logs in before CloudFormation calls its targets made."""
    return ec2.CfnSecurityGroupIngress(
        stack,
        "DatabaseAdmitsProxy",
        group_id=ground.network.groups.database,
        ip_protocol="tcp",
        from_port=POSTGRES,
        to_port=POSTGRES,
        source_security_group_id=proxy.attr_group_id,
        description="from the proxy",
    )


def _role(stack: cdk.Stack, secrets: list[str]) -> iam.Role:
    return iam.Role(
        stack,
        "ProxyRole",
        assumed_by=iam.ServicePrincipal("rds.amazonaws.com"),
        description="Opens the secrets of the databases' roles for the proxy",
        inline_policies={
            "Open": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                        resources=secrets,
                    )
                ]
            )
        },
    )
