"""Queues, their dead letters, and the functions they wake."""

from datetime import timedelta

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_sqs as sqs

from lamppost.cloud.site import Place, export, pascal
from lamppost.declare import limits, names
from lamppost.derive.manifest import QueueEntry


def queue(place: Place, entry: QueueEntry, functions: dict[str, lambdas.IFunction]) -> sqs.Queue:
    """The queue with its dead letters; URLs and names are outputs."""
    site, stack = place.site, place.stack
    id = pascal(entry.name)
    dead = closed_queue(
        stack,
        f"{id}Dlq",
        site.called(names.dead_letters(entry.name)),
        keep=timedelta(seconds=entry.dead_keep),
    )
    made = closed_queue(
        stack,
        f"{id}Queue",
        site.called(entry.name),
        keep=timedelta(seconds=entry.keep),
        visibility_timeout=cdk.Duration.seconds(entry.visibility),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=entry.attempts),
    )
    if entry.runs is not None:
        _wake(stack, id, entry, made, functions[entry.runs])
    export(stack, f"{id}QueueUrl", made.queue_url)
    export(stack, f"{id}DlqUrl", dead.queue_url)
    return made


def closed_queue(stack: cdk.Stack, id: str, name: str, *, keep: timedelta, **more: object) -> sqs.Queue:
    """A queue that is encrypted and spoken to over TLS only."""
    return sqs.Queue(
        stack,
        id,
        queue_name=name,
        retention_period=cdk.Duration.seconds(int(keep.total_seconds())),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        **more,
    )


def _wake(
    stack: cdk.Stack, id: str, entry: QueueEntry, source: sqs.Queue, function: lambdas.IFunction
) -> None:
    lambdas.CfnEventSourceMapping(
        stack,
        f"{id}Source",
        event_source_arn=source.queue_arn,
        function_name=function.function_name,
        batch_size=entry.batch,
        # Larger batches have to be waited for.
        maximum_batching_window_in_seconds=1 if entry.batch > limits.SOURCE_BATCH_WITHOUT_WINDOW else None,
        # One message that fails must not bring back those that did not.
        function_response_types=["ReportBatchItemFailures"],
        # With reserved concurrency alone the poller reads on, is throttled, and wears out messages' attempts.
        scaling_config=lambdas.CfnEventSourceMapping.ScalingConfigProperty(
            maximum_concurrency=entry.concurrency
        ),
    )
