"""Passwords of the functions' roles: a new one every so many days, given by the migrator.

The migrator makes those roles, so it may set their passwords anyhow, and its steps mend a password that was
lost on the way (`lamppost.migrate.rotation`). AWS's ready-made rotation functions would be one more function,
in somebody else's code, that knows the old password only.
"""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_secretsmanager as secrets

from lamppost.cloud.functions import Ground
from lamppost.cloud.site import pascal
from lamppost.declare import names


def rotation(ground: Ground, stack: cdk.Stack, migrator: str) -> None:
    """The schedule of each database's secret; `migrator` is the function's physical name."""
    site = ground.site
    for database, secret in ground.server.secrets.items():
        allowed = lambdas.CfnPermission(
            stack,
            f"{pascal(database)}Rotates",
            action="lambda:InvokeFunction",
            function_name=migrator,
            principal="secretsmanager.amazonaws.com",
            source_account=site.account,
            source_arn=secret,
        )
        secrets.CfnRotationSchedule(
            stack,
            f"{pascal(database)}Rotation",
            secret_id=secret,
            rotation_lambda_arn=names.function_arn(migrator, region=site.region, account=site.account),
            rotation_rules=secrets.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=site.stage.settings.rotate_days
            ),
            # A deploy changes no password; it is when the days are over.
            rotate_immediately_on_update=False,
        ).node.add_dependency(allowed)
