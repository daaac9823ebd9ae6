"""RDS Proxy: many functions' connections over few of the server's, and a failover that they hardly notice."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds

from lamppost.cloud.functions import Ground
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import export

# What is left is for the migrator and for people, who go round it.
CONNECTIONS_PERCENT = 90
BORROW_SECONDS = 10
IDLE_SECONDS = 600
# As PostgreSQL itself keeps the roles' passwords.
SCRAM = "POSTGRES_SCRAM_SHA_256"


def proxy(ground: Ground, stack: cdk.Stack) -> str:
    """The proxy before the instance; its address. TLS only, and each database's role comes by its secret."""
    site, server = ground.site, ground.server
    name = f"{site.stage.system}-{site.env}"
    secrets = list(server.secrets.values())
    # Made before the proxy, or RDS makes it and keeps everything for ever.
    spoken = log_group(site, stack, "ProxyLogs", f"/aws/rds/proxy/{name}")
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
        vpc_security_group_ids=[ground.network.groups.proxy],
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
    )
    export(stack, "ProxyEndpoint", made.attr_endpoint)
    return str(made.attr_endpoint)


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
