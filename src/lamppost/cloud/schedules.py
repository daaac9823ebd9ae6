"""Schedules: EventBridge Scheduler's, which replaced rules, and a role that may start one function."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs

from lamppost.cloud.site import Place
from lamppost.declare import names
from lamppost.derive.manifest import ScheduleEntry


def schedules(place: Place) -> str:
    """The group of the place's schedules. AWS measures schedules by their group, never alone."""
    group = scheduler.CfnScheduleGroup(
        place.stack,
        f"{place.prefix}Schedules",
        name=names.schedule_group(place.service.prefix, place.site.env),
    )
    return str(group.ref)


def schedule(
    place: Place, group: str, entry: ScheduleEntry, function: lambdas.IFunction, failed: sqs.Queue
) -> scheduler.CfnSchedule:
    """Start `function` at a steady pace; a start that cannot be made goes to `failed`."""
    site, stack, id = place.site, place.stack, place.id(entry.runs)
    role = iam.Role(
        stack,
        f"{id}ScheduleRole",
        description=f"Starts {id} at its hours",
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": site.account}}
        ),
        inline_policies={
            "Start": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]),
                    iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[failed.queue_arn]),
                ]
            )
        },
    )
    return scheduler.CfnSchedule(
        stack,
        f"{id}Schedule",
        name=f"{site.stage.system}-{site.env}-{id}",
        group_name=group,
        schedule_expression=_rate(entry.every // 60),
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function_arn,
            role_arn=role.role_arn,
            # The next tick finds whatever a missed one left.
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=0, maximum_event_age_in_seconds=60
            ),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=failed.queue_arn),
        ),
    )


def _rate(minutes: int) -> str:
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"
