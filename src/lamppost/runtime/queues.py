"""Sending to SQS, in batches, with boto3 loaded on the first send (it costs 200 ms of CPU)."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from lamppost.declare import limits
from lamppost.errors import AuthorError, OperatorError
from lamppost.observe import trace

# Attributes count as a message's bytes: what `traceparent` and `tracestate` take at most.
TRACE_BYTES = 640


@cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    patient = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=2, read_timeout=10)
    return boto3.client("sqs", config=patient)


def send(queue: str, account: str, bodies: Sequence[Any]) -> None:
    """Send each body as JSON to the queue of this physical name.

    Returns when SQS has accepted all. Raises `OperatorError` when it refused some: others may
    have gone out, so a caller that repeats must be sending something that may arrive twice.
    """
    send_encoded(queue, account, encode(queue, bodies))


def encode(queue: str, bodies: Sequence[Any]) -> list[str]:
    """Each body as the text of a message. Raises `AuthorError` for one that SQS would not take."""
    return [_encode(body, queue) for body in bodies]


def send_encoded(queue: str, account: str, messages: list[str]) -> None:
    """`send`, for what `encode` made."""
    for batch in _batches(messages):
        send_raw(queue, account, batch)


def send_raw(
    queue: str, account: str, bodies: Sequence[str], attributes: dict[str, Any] | None = None
) -> None:
    """Send up to ten bodies that are already text. Each tells its trace, where there is room."""
    with trace.span(f"send {queue}", "queue", messages=len(bodies)):
        said = {"MessageAttributes": {**(attributes or {}), **_told(bodies)}}
        entries = [
            {"Id": str(number), "MessageBody": body, **(said if said["MessageAttributes"] else {})}
            for number, body in enumerate(bodies)
        ]
        answer = _client().send_message_batch(QueueUrl=_url(queue, account), Entries=entries)
    failed = answer.get("Failed", [])
    if failed:
        raise OperatorError(
            f"SQS refused {len(failed)} of {len(entries)} messages to {queue}: {failed[0].get('Message')}",
            fix="the sender repeats; if it persists, look at the message's size and the queue's policy",
            code="queue_refused",
        )


def _told(bodies: Sequence[str]) -> dict[str, dict[str, str]]:
    """The attributes that say which trace this is. A body that fills SQS's limit goes without them."""
    if sum(len(body.encode()) + TRACE_BYTES for body in bodies) > limits.MESSAGE_BYTES:
        return {}
    return {name: {"DataType": "String", "StringValue": said} for name, said in trace.headers()}


def _url(queue: str, account: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    return f"{endpoint or f'https://sqs.{region}.amazonaws.com'}/{account}/{queue}"


def _encode(body: Any, queue: str) -> str:
    raw = msgspec.json.encode(body)
    if len(raw) > limits.MESSAGE_BYTES:
        raise AuthorError(
            f"a message of {len(raw)} bytes to {queue}; SQS takes {limits.MESSAGE_BYTES}",
            fix="store it in a table and queue its id",
            code="message_too_large",
        )
    return raw.decode()


def _batches(bodies: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        length = len(body.encode()) + TRACE_BYTES
        if batch and (len(batch) == limits.BATCH_ENTRIES or size + length > limits.MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
