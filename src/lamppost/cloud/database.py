"""The database: one PostgreSQL instance for all databases of the stage, and a secret for each of them."""

import json

import aws_cdk as cdk
import msgspec
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secrets

from lamppost.cloud.network import Network
from lamppost.cloud.replica import Source, replica
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Site, export, pascal
from lamppost.migrate.provision import roles

# RDS refuses "admin"; the name cannot change later.
ADMINISTRATOR = "lamppost_admin"
SETTINGS = {"rds.force_ssl": "1", "log_min_duration_statement": "500", "log_lock_waits": "1"}


class Server(msgspec.Struct, frozen=True):
    """The instance, its address, and the ARNs of secrets: the administrator's, and each database's own."""

    stack: cdk.Stack
    identifier: str
    host: str
    administrator: str
    secrets: dict[str, str]


def database(site: Site, network: Network) -> Server:
    """The DatabaseStack."""
    stack = site.stack(site.stage.platform("Database"), "PostgreSQL, and who may open it")
    stack.add_stack_dependency(network.stack)
    identifier = f"{site.stage.system}-{site.env}"
    instance = _instance(site, stack, network, identifier)
    arns = {entry.name: _secret(site, stack, entry.name, entry.secret) for entry in site.databases()}
    host = instance.db_instance_endpoint_address
    export(stack, "DbEndpoint", instance.instance_endpoint.socket_address)
    export(stack, "DbHost", host)
    for name, arn in arns.items():
        export(stack, f"{pascal(name)}DbSecretArn", arn)
    administrator = site.stage.settings.administrator or instance.secret.secret_arn
    return Server(stack, identifier, host, administrator, arns)


def _instance(site: Site, stack: cdk.Stack, network: Network, name: str) -> rds.DatabaseInstance:
    settings = site.stage.settings
    engine = rds.DatabaseInstanceEngine.postgres(
        version=rds.PostgresEngineVersion.of(settings.postgres, settings.postgres.partition(".")[0])
    )
    parameters = rds.ParameterGroup(stack, "Parameters", engine=engine, parameters=SETTINGS)
    group = ec2.SecurityGroup.from_security_group_id(stack, "DbGroup", network.groups.database, mutable=False)
    # Made before the instance, or RDS makes it and keeps everything for ever.
    spoken = log_group(site, stack, "PostgresLogs", f"/aws/rds/instance/{name}/postgresql")
    instance = rds.DatabaseInstance(
        stack,
        "Database",
        instance_identifier=name,
        engine=engine,
        instance_type=ec2.InstanceType(settings.instance),
        vpc=network.vpc,
        vpc_subnets=network.isolated,
        security_groups=[group],
        credentials=rds.Credentials.from_username(ADMINISTRATOR),
        manage_master_user_password=True,
        parameter_group=parameters,
        storage_type=rds.StorageType.GP3,
        allocated_storage=settings.storage_gb,
        max_allocated_storage=settings.storage_max_gb,
        storage_encrypted=True,
        publicly_accessible=False,
        multi_az=settings.multi_az,
        ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        backup_retention=cdk.Duration.days(settings.backup_days),
        preferred_backup_window=settings.backup_window,
        preferred_maintenance_window=settings.maintenance_window,
        copy_tags_to_snapshot=True,
        auto_minor_version_upgrade=True,
        deletion_protection=settings.protected,
        delete_automated_backups=settings.ephemeral,
        removal_policy=cdk.RemovalPolicy.DESTROY if settings.ephemeral else cdk.RemovalPolicy.SNAPSHOT,
        cloudwatch_logs_exports=["postgresql"],
        database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
        enable_performance_insights=True,
        monitoring_interval=cdk.Duration.seconds(60),
        monitoring_role=_monitoring(site, stack),
    )
    instance.node.add_dependency(spoken)
    if settings.replica:
        replica(site, stack, network, Source(instance, parameters, group))
    return instance


def _monitoring(site: Site, stack: cdk.Stack) -> iam.Role:
    """With it RDS writes its processes' figures; AWS's own policy would reach more log groups than that."""
    group = f"arn:aws:logs:{site.region}:{site.account}:log-group:RDSOSMetrics"
    return iam.Role(
        stack,
        "MonitoringRole",
        assumed_by=iam.ServicePrincipal("monitoring.rds.amazonaws.com"),
        inline_policies={
            "Metrics": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        actions=["logs:CreateLogGroup", "logs:PutRetentionPolicy"], resources=[group]
                    ),
                    iam.PolicyStatement(
                        actions=[
                            "logs:CreateLogStream",
                            "logs:DescribeLogStreams",
                            "logs:GetLogEvents",
                            "logs:PutLogEvents",
                        ],
                        # One stream for each instance, named by an id that RDS has yet to give.
                        resources=[f"{group}:log-stream:*"],
                    ),
                ]
            )
        },
    )


def _secret(site: Site, stack: cdk.Stack, database: str, name: str) -> str:
    """Who the functions of `database` are. The migrator gives the role this password."""
    secret = secrets.Secret(
        stack,
        f"{pascal(database)}Secret",
        secret_name=site.called(name),
        description=f"Opens the database {database} for its functions",
        removal_policy=site.kept,
        generate_secret_string=secrets.SecretStringGenerator(
            # The server's address is no part of it: whenever this changes, there is a new password.
            secret_string_template=json.dumps({"username": roles(database).app, "dbname": database}),
            generate_string_key="password",
            password_length=40,
            exclude_punctuation=True,
        ),
    )
    return str(secret.secret_arn)
