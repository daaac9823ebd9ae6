"""Log groups: how long what was said is kept."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs

from lamppost.cloud.site import Site


def log_group(site: Site, stack: cdk.Stack, id: str, name: str) -> logs.LogGroup:
    """A log group that keeps what the stage says, and goes with its stack: logs are not data."""
    group = logs.LogGroup(stack, id, log_group_name=name, removal_policy=cdk.RemovalPolicy.DESTROY)
    # The library knows days by names only.
    group.node.default_child.retention_in_days = site.stage.settings.log_days
    return group
