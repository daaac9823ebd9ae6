"""Where an event goes that a function could not work on, when nobody waits for the answer."""

from datetime import timedelta

from aws_cdk import aws_lambda as lambdas
from aws_cdk import aws_sqs as sqs

from lamppost.cloud.queues import closed_queue
from lamppost.cloud.serving import parts
from lamppost.cloud.site import Place, pascal
from lamppost.declare import limits, names
from lamppost.derive.manifest import FunctionEntry

# The longest that Lambda keeps an event it could not deliver.
EVENT_AGE = timedelta(hours=6)


def failures(
    place: Place,
    entry: FunctionEntry,
    function: lambdas.IFunction,
    *,
    retries: int = limits.INVOKE_ASYNC_RETRIES,
    age: timedelta = EVENT_AGE,
) -> sqs.Queue:
    """The queue of the function's failed events, tried `retries` times more until it is `age` old."""
    id = place.id(entry.name)
    queue = closed_queue(
        place.stack,
        f"{id}Failures",
        place.site.called(names.failures(entry.named)),
        keep=limits.RETENTION_MAX,
    )
    name, qualifiers = parts(function)
    for qualifier in qualifiers:
        # A person asks the function, everything else its alias; each has a configuration of its own.
        configured = lambdas.CfnEventInvokeConfig(
            place.stack,
            f"{id}Invoked" if qualifier == "$LATEST" else f"{id}{pascal(qualifier)}Invoked",
            function_name=name,
            qualifier=qualifier,
            maximum_retry_attempts=retries,
            maximum_event_age_in_seconds=int(min(age, EVENT_AGE).total_seconds()),
            destination_config=lambdas.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambdas.CfnEventInvokeConfig.OnFailureProperty(destination=queue.queue_arn)
            ),
        )
        if len(qualifiers) > 1:
            configured.node.add_dependency(function)
    return queue
