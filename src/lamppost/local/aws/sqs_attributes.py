"""A queue's attributes: SQS's strings on one side, seconds and names on the other."""

from typing import Any

import msgspec

from lamppost.declare import limits, names
from lamppost.local.aws import models
from lamppost.local.aws.calls import Given, refused
from lamppost.local.queue_records import Counts, Settings
from lamppost.local.queues import milliseconds

_RANGES = {
    "DelaySeconds": (0, int(limits.DELAY_MAX.total_seconds())),
    "MessageRetentionPeriod": (
        int(limits.RETENTION_MIN.total_seconds()),
        int(limits.RETENTION_MAX.total_seconds()),
    ),
    "ReceiveMessageWaitTimeSeconds": (0, int(limits.WAIT_MAX.total_seconds())),
    "VisibilityTimeout": (0, int(limits.VISIBILITY_MAX.total_seconds())),
}

DEFAULTS: dict[str, Any] = {
    "DelaySeconds": 0,
    "MessageRetentionPeriod": int(limits.RETENTION_DEFAULT.total_seconds()),
    "ReceiveMessageWaitTimeSeconds": 0,
    "VisibilityTimeout": int(limits.VISIBILITY_DEFAULT.total_seconds()),
    "RedrivePolicy": None,
}


class _Policy(msgspec.Struct):
    dead: str = msgspec.field(name="deadLetterTargetArn")
    attempts: int | str = msgspec.field(name="maxReceiveCount")


def read(attributes: Given) -> dict[str, Any]:
    """What CreateQueue and SetQueueAttributes ask for: seconds, and (dead queue, attempts) or None.

    Raises `CallerError` for what SQS refuses and for what is not kept here.
    """
    return {name: _read(name, value) for name, value in attributes.items()}


def check_names(asked: list[str]) -> None:
    """Raises `CallerError` for a name that no queue attribute has."""
    known = models.service("sqs").shape_for("QueueAttributeName").enum
    for name in asked:
        if name not in known:
            raise refused("InvalidAttributeName", f"Unknown Attribute {name}.")


def values(settings: Settings) -> dict[str, Any]:
    """A queue's attributes in the form of `read`."""
    redrive = settings.redrive
    return {
        "DelaySeconds": settings.delay,
        "MessageRetentionPeriod": settings.keep,
        "ReceiveMessageWaitTimeSeconds": settings.wait,
        "VisibilityTimeout": settings.visibility,
        "RedrivePolicy": (redrive.dead_name, redrive.attempts) if redrive else None,
    }


def show(settings: Settings, counts: Counts) -> dict[str, str]:
    """Everything GetQueueAttributes can tell, as SQS writes it."""
    shown = {name: str(value) for name, value in values(settings).items() if name in _RANGES}
    shown |= {
        "ApproximateNumberOfMessages": str(counts.visible),
        "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
        "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
        "MaximumMessageSize": str(limits.MESSAGE_BYTES),
        "QueueArn": names.queue_arn(settings.name),
        "SqsManagedSseEnabled": "true",
    }
    if settings.created_at and settings.changed_at:
        shown["CreatedTimestamp"] = str(milliseconds(settings.created_at) // 1000)
        shown["LastModifiedTimestamp"] = str(milliseconds(settings.changed_at) // 1000)
    if settings.redrive is not None:
        policy = {
            "deadLetterTargetArn": names.queue_arn(settings.redrive.dead_name),
            "maxReceiveCount": settings.redrive.attempts,
        }
        shown["RedrivePolicy"] = msgspec.json.encode(policy).decode()
    return shown


def _read(name: str, value: str) -> Any:
    if name in _RANGES:
        least, most = _RANGES[name]
        if value.isascii() and value.isdecimal() and least <= int(value) <= most:
            return int(value)
        raise refused("InvalidAttributeValue", f"Invalid value for the parameter {name}: {least} to {most}.")
    if name == "RedrivePolicy":
        return _read_policy(value) if value else None
    raise refused("InvalidAttributeName", f"Attribute {name} is not kept by local queues.")


def _read_policy(value: str) -> tuple[str, int]:
    try:
        policy = msgspec.json.decode(value, type=_Policy)
        attempts = int(policy.attempts)
    except (msgspec.DecodeError, ValueError) as wrong:
        raise refused("InvalidAttributeValue", f"Invalid RedrivePolicy: {wrong}") from wrong
    if not 1 <= attempts <= limits.RECEIVES_MAX:
        raise refused("InvalidAttributeValue", f"maxReceiveCount is 1 to {limits.RECEIVES_MAX}.")
    return policy.dead.rpartition(":")[2], attempts
