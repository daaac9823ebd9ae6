"""Mistakes about queues, schedules and alarms."""

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import add, drop, find, function, put, remove
from tests.cloud.gates.mutants.table import mistake

QUEUE = "SQS::Queue"
BIRTHDAY = "BdayInfraStack"


@mistake("birthday", "rule:visible-after-six-runs")
def visibility_of_one_run(stacks: Stacks) -> None:
    put(find(stacks, QUEUE, "BdayMessagesQueue"), "VisibilityTimeout", 30)


@mistake("birthday", "rule:visible-after-six-runs", "cfn-lint:E3505")
def visibility_shorter_than_a_run(stacks: Stacks) -> None:
    put(find(stacks, QUEUE, "BdayMessagesQueue"), "VisibilityTimeout", 20)


@mistake("birthday", "rule:worn-out-messages-leave", "nag:AwsSolutions-SQS3")
def no_dead_letters(stacks: Stacks) -> None:
    drop(find(stacks, QUEUE, "BdayMessagesQueue"), "RedrivePolicy")


@mistake("birthday", "rule:worn-out-messages-leave")
def one_attempt(stacks: Stacks) -> None:
    put(find(stacks, QUEUE, "BdayMessagesQueue"), "RedrivePolicy", "maxReceiveCount", 1)


@mistake("birthday", "rule:dead-letters-outlive-their-source")
def dead_letters_kept_no_longer_than_messages(stacks: Stacks) -> None:
    put(find(stacks, QUEUE, "BdayMessagesQueue"), "MessageRetentionPeriod", 1_209_600)


@mistake("birthday", "rule:one-failure-brings-back-one-message")
def one_failure_brings_back_the_batch(stacks: Stacks) -> None:
    drop(find(stacks, "Lambda::EventSourceMapping"), "FunctionResponseTypes")


@mistake("birthday", "rule:pollers-stay-within-bounds")
def a_poller_that_reads_more_than_may_run(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "ReservedConcurrentExecutions", 2)


@mistake("birthday", "cfn-lint:E3034")
def a_concurrency_of_one(stacks: Stacks) -> None:
    put(find(stacks, "Lambda::EventSourceMapping"), "ScalingConfig", "MaximumConcurrency", 1)


@mistake("the field", "rule:queues-are-encrypted", "nag:AwsSolutions-SQS2")
def an_unencrypted_queue(stacks: Stacks) -> None:
    put(find(stacks, QUEUE, "BdayMessagesQueue"), "SqsManagedSseEnabled", False)


@mistake("birthday", "rule:queues-speak-tls", "nag:AwsSolutions-SQS4")
def a_queue_without_tls(stacks: Stacks) -> None:
    remove(stacks, find(stacks, "SQS::QueuePolicy", "BdayMessagesQueuePolicy"))


@mistake("birthday", "rule:failures-go-somewhere")
def a_start_that_is_forgotten(stacks: Stacks) -> None:
    drop(find(stacks, "Scheduler::Schedule"), "Target", "DeadLetterConfig")


@mistake("birthday", "rule:failures-go-somewhere")
def a_run_that_is_forgotten(stacks: Stacks) -> None:
    remove(stacks, find(stacks, "Lambda::EventInvokeConfig", "SchedulerInvoked"))


@mistake("birthday", "rule:schedules-are-english")
def every_one_minutes(stacks: Stacks) -> None:
    put(find(stacks, "Scheduler::Schedule"), "ScheduleExpression", "rate(1 minutes)")


@mistake("birthday", "rule:alarms-ring")
def an_alarm_that_rings_for_nobody(stacks: Stacks) -> None:
    add(
        stacks, BIRTHDAY, "SilentAlarm", "AWS::CloudWatch::Alarm",
        ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1,
        Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
        Dimensions=[{"Name": "FunctionName", "Value": {"Ref": function(stacks, "-worker").id}}],
    )  # fmt: skip


@mistake("birthday", "rule:alarms-watch-what-is-there")
def an_alarm_on_a_misspelt_function(stacks: Stacks) -> None:
    add(
        stacks, BIRTHDAY, "MisspeltAlarm", "AWS::CloudWatch::Alarm",
        ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1,
        Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60,
        Dimensions=[{"Name": "FunctionName", "Value": "bday-wroker"}],
        AlarmActions=[{"Ref": "Topic"}],
    )  # fmt: skip


@mistake("birthday", "rule:topics-are-closed")
def a_topic_whose_key_alarms_cannot_use(stacks: Stacks) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
    add(stacks, BIRTHDAY, "Closed", "AWS::KMS::Key", KeyPolicy={"Statement": [statement]})
    stacks.stacks[BIRTHDAY].template["Resources"]["Closed"] |= {
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
    }
    key = {"Fn::GetAtt": ["Closed", "Arn"]}
    add(stacks, BIRTHDAY, "Heard", "AWS::SNS::Topic", KmsMasterKeyId=key)


def _silence(stacks: Stacks, dimension: str, name: str) -> None:
    """Without the alarms that look at this one."""
    for alarm in list(stacks.of("CloudWatch::Alarm")):
        if {"Name": dimension, "Value": name} in alarm.get("Dimensions", default=[]):
            remove(stacks, alarm)


@mistake("birthday", "rule:every-function-is-watched")
def a_function_that_nobody_watches(stacks: Stacks) -> None:
    _silence(stacks, "FunctionName", "migrator-prod")


@mistake("birthday", "rule:dead-letters-are-watched")
def dead_letters_that_nobody_watches(stacks: Stacks) -> None:
    _silence(stacks, "QueueName", "bday-messages-dlq")


@mistake("the field", "rule:topics-speak-tls")
def a_topic_without_tls(stacks: Stacks) -> None:
    remove(stacks, find(stacks, "SNS::TopicPolicy"))
