"""Passwords of the functions' roles: a new one every so many days, given by the migrator.

The migrator makes those roles, so it may set their passwords anyhow, and its steps mend a password that was
lost on the way (`lamppost.migrate.rotation`). AWS's ready-made rotation functions would be one more function,
in somebody else's code, that knows the old password only.
"""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_secretsmanager as secrets

from lamppost.cloud.site import Site, pascal


def rotation(
    site: Site,
    stack: cdk.Stack,
    secrets_of: Mapping[str, str],
    migrator: lambdas.IFunction,
    provided: cdk.CustomResource,
) -> None:
    """The schedule of each database's secret (`secrets_of` says which), once the roles are `provided`."""
    days = site.stage.settings.rotate_days
    if days is None:
        return
    for database, secret in secrets_of.items():
        allowed = lambdas.CfnPermission(
            stack,
            f"{pascal(database)}Rotates",
            action="lambda:InvokeFunction",
            function_name=migrator.function_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=site.account,
            source_arn=secret,
        )
        secrets.CfnRotationSchedule(
            stack,
            f"{pascal(database)}Rotation",
            secret_id=secret,
            rotation_lambda_arn=migrator.function_arn,
            rotation_rules=secrets.CfnRotationSchedule.RotationRulesProperty(automatically_after_days=days),
            # A deploy changes no password; it is when the days are over.
            rotate_immediately_on_update=False,
        ).node.add_dependency(allowed, provided)
