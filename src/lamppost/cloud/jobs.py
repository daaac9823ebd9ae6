"""The JobsStack: a way to run heavy migrations that needs no container and no machine of ours."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as states

from lamppost.cloud.jobs_machine import definition, named
from lamppost.cloud.migrations import Migrations, migrator
from lamppost.cloud.monitoring import Monitoring, watch_jobs
from lamppost.cloud.retention import log_group
from lamppost.cloud.site import Site, export
from lamppost.declare import names

# Step Functions delivers its logs through CloudWatch's own pipe, whose rights name no resource.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)
SPANS = (
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)


def jobs(site: Site, migrated: Migrations, watching: Monitoring) -> cdk.Stack:
    """The stack. `aws stepfunctions start-execution` with `{}` runs every open job, with a `job` that one."""
    stack = site.stack(site.stage.platform("Jobs"), "Runs heavy migrations beside the traffic")
    stack.add_stack_dependency(migrated.stack)
    name = machine_name(site)
    _, entry = migrator(site)
    function = names.function_arn(site.called(entry.named), region=site.region, account=site.account)
    # Behind this prefix CloudWatch needs no policy that grows with every log group.
    spoken = log_group(site, stack, "JobsLogs", f"/aws/vendedlogs/states/{name}")
    role = _role(site, stack, name, function)
    made = states.CfnStateMachine(
        stack,
        "Jobs",
        state_machine_name=name,
        state_machine_type="STANDARD",
        role_arn=role.role_arn,
        definition=definition(),
        definition_substitutions={"Migrator": function},
        logging_configuration=states.CfnStateMachine.LoggingConfigurationProperty(
            level="ALL",
            # Names of jobs and counts of rows; no value of any row is among them.
            include_execution_data=True,
            destinations=[
                states.CfnStateMachine.LogDestinationProperty(
                    cloud_watch_logs_log_group=states.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                        log_group_arn=spoken.log_group_arn
                    )
                )
            ],
        ),
        tracing_configuration=states.CfnStateMachine.TracingConfigurationProperty(enabled=True),
    )
    watch_jobs(watching, stack, made.attr_arn)
    export(stack, "JobsStateMachineArn", made.attr_arn)
    export(stack, "JobsStateMachineName", made.attr_name)
    return stack


def machine_name(site: Site) -> str:
    """The state machine's physical name."""
    return named(site.stage.system, site.env)


def _role(site: Site, stack: cdk.Stack, name: str, function: str) -> iam.Role:
    machine = f"arn:aws:states:{site.region}:{site.account}:stateMachine:{name}"
    return iam.Role(
        stack,
        "JobsRole",
        assumed_by=iam.ServicePrincipal(
            "states.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": site.account},
                "ArnLike": {"aws:SourceArn": machine},
            },
        ),
        description="Calls the migrator for pieces of jobs",
        inline_policies={
            "Jobs": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function]),
                    iam.PolicyStatement(actions=list(DELIVERY), resources=["*"]),
                    iam.PolicyStatement(actions=list(SPANS), resources=["*"]),
                ]
            )
        },
    )
