"""Queues and schedules: what fails is tried again, not twice at once, and ends where somebody looks."""

import re
from collections.abc import Iterator

from lamppost.cloud.rules.stacks import Broken, Resource, Stacks, listed

QUEUE = "SQS::Queue"
SOURCE = "Lambda::EventSourceMapping"
SCHEDULE = "Scheduler::Schedule"
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
RUNS = 6
USUAL_VISIBILITY = 30
USUAL_TIMEOUT = 3
USUAL_RETENTION = 345_600
ATTEMPTS = 2
_RATE = re.compile(r"rate\((\d+) (\w+)\)")


def _sources(stacks: Stacks) -> Iterator[tuple[Resource, Resource, Resource]]:
    """Each mapping with its queue and its function."""
    for mapping in stacks.of(SOURCE):
        queue = stacks.target(mapping.stack, mapping.get("EventSourceArn"))
        function = stacks.target(mapping.stack, mapping.get("FunctionName"))
        if queue and function and queue.kind == f"AWS::{QUEUE}":
            yield mapping, queue, function


def _dead(stacks: Stacks, queue: Resource) -> Resource | None:
    return stacks.target(queue.stack, queue.get("RedrivePolicy", "deadLetterTargetArn"))


def visible_after_six_runs(stacks: Stacks) -> Iterator[Broken]:
    """A message stays hidden for six runs of the function, or two of them work on it at once."""
    for mapping, queue, function in _sources(stacks):
        hidden = queue.get("VisibilityTimeout", default=USUAL_VISIBILITY)
        timeout = function.get("Timeout", default=USUAL_TIMEOUT)
        needed = RUNS * timeout + mapping.get("MaximumBatchingWindowInSeconds", default=0)
        if hidden < needed:
            yield queue.broken(
                f"shows a message again after {hidden} s, and {function.id} may take {timeout}",
                f"make its visibility {needed} s or more",
            )


def one_failure_brings_back_one_message(stacks: Stacks) -> Iterator[Broken]:
    """A batch that fails in part is not worked on again as a whole."""
    for mapping, _, _ in _sources(stacks):
        if "ReportBatchItemFailures" not in listed(mapping.get("FunctionResponseTypes")):
            yield mapping.broken("brings back whole batches", "report batch item failures")


def pollers_stay_within_bounds(stacks: Stacks) -> Iterator[Broken]:
    """A poller that reads more than may run is throttled, and wears out attempts."""
    for mapping, _, function in _sources(stacks):
        most = mapping.get("ScalingConfig", "MaximumConcurrency")
        reserved = function.get("ReservedConcurrentExecutions")
        if most is None or (reserved is not None and reserved < most):
            yield mapping.broken(
                f"reads for {most or 'any number of'} runs at once, where {reserved or 'as many'} may be",
                "set MaximumConcurrency, at most what the function reserves",
            )


def worn_out_messages_leave(stacks: Stacks) -> Iterator[Broken]:
    """A message that cannot be worked on goes to dead letters, after more than one attempt."""
    for _, queue, _ in _sources(stacks):
        if _dead(stacks, queue) is None:
            yield queue.broken("tries a bad message until it expires", "give it dead letters")
        elif int(queue.get("RedrivePolicy", "maxReceiveCount")) < ATTEMPTS:
            yield queue.broken("gives a message up after one attempt", "receive it at least twice")


def dead_letters_outlive_their_source(stacks: Stacks) -> Iterator[Broken]:
    """A dead letter's age counts from its first sending: it needs the longest time that there is.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    """
    for queue in stacks.of(QUEUE):
        dead = _dead(stacks, queue)
        kept = queue.get("MessageRetentionPeriod", default=USUAL_RETENTION)
        if dead and dead.get("MessageRetentionPeriod", default=USUAL_RETENTION) <= kept:
            yield dead.broken(
                f"loses what spent its {kept} s in {queue.id}", "keep dead letters longer than messages"
            )


def queues_are_encrypted(stacks: Stacks) -> Iterator[Broken]:
    """What lies in a queue is encrypted."""
    for queue in stacks.of(QUEUE):
        if not (queue.get("SqsManagedSseEnabled") or queue.get("KmsMasterKeyId")):
            yield queue.broken("lies open on AWS's disks", "set SqsManagedSseEnabled")


def queues_speak_tls(stacks: Stacks) -> Iterator[Broken]:
    """Nobody speaks to a queue without TLS."""
    closed = {
        (found.stack, found.id)
        for policy in stacks.of("SQS::QueuePolicy")
        for each in policy.get("Queues", default=[])
        if (found := stacks.target(policy.stack, each)) and refuses_plain(policy)
    }
    for queue in stacks.of(QUEUE):
        if (queue.stack, queue.id) not in closed:
            yield queue.broken("answers without TLS", "deny aws:SecureTransport false")


def refuses_plain(policy: Resource) -> bool:
    """Whether a resource's policy denies everything to everybody who comes without TLS."""
    return any(
        each["Effect"] == "Deny"
        and each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
        for each in listed(policy.get("PolicyDocument", "Statement"))
    )


def failures_go_somewhere(stacks: Stacks) -> Iterator[Broken]:
    """A start that cannot be made, and a run that nobody waits for and that fails, leave a message."""
    told = {
        (found.stack, found.id)
        for invoked in stacks.of("Lambda::EventInvokeConfig")
        if invoked.get("DestinationConfig", "OnFailure", "Destination")
        and (found := stacks.target(invoked.stack, invoked.get("FunctionName")))
    }
    for schedule in stacks.of(SCHEDULE):
        if not schedule.get("Target", "DeadLetterConfig", "Arn"):
            yield schedule.broken("forgets a start that it could not make", "give it a dead letter queue")
        function = stacks.target(schedule.stack, schedule.get("Target", "Arn"))
        if (
            function
            and function.kind == "AWS::Lambda::Function"
            and (function.stack, function.id) not in told
        ):
            yield function.broken("forgets a run that failed", "give it a destination for failures")


def schedules_are_english(stacks: Stacks) -> Iterator[Broken]:
    """Scheduler takes `rate(1 minute)` and `rate(5 minutes)`, refuses the others, and no tool looks at it."""
    for schedule in stacks.of(SCHEDULE):
        rate = _RATE.fullmatch(schedule.get("ScheduleExpression", default=""))
        if rate and (int(rate[1]) == 1) == rate[2].endswith("s"):
            yield schedule.broken(f"starts at {rate[0]}", "one minute, two minutes")


RULES = (
    visible_after_six_runs,
    one_failure_brings_back_one_message,
    pollers_stay_within_bounds,
    worn_out_messages_leave,
    dead_letters_outlive_their_source,
    queues_are_encrypted,
    queues_speak_tls,
    failures_go_somewhere,
    schedules_are_english,
)
