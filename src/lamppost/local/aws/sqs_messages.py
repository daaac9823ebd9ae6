"""SQS messages as callers and functions see them, with the MD5 sums some SDKs check."""

import base64
import hashlib
import struct
import uuid
from datetime import UTC, datetime
from typing import Any

from lamppost.declare import names
from lamppost.local.aws.calls import Answer, Given, present
from lamppost.local.queue_records import Outgoing, Stored
from lamppost.local.queues import handle_of, milliseconds

# Whoever sends; SQS shows a user or role id of this form.
SENDER = "AROALOCALLAMPPOST:local"


def now() -> datetime:
    """The wall clock, aware."""
    return datetime.now(UTC)


def outgoing(given: Given, delay: int) -> Outgoing:
    """The message in a SendMessage call or a batch entry."""
    attributes = {
        name: present(
            DataType=value["DataType"],
            StringValue=value.get("StringValue"),
            BinaryValue=base64.b64encode(value["BinaryValue"]).decode() if value.get("BinaryValue") else None,
        )
        for name, value in given.get("MessageAttributes", {}).items()
    }
    system = {
        name: value["StringValue"]
        for name, value in given.get("MessageSystemAttributes", {}).items()
        if value.get("StringValue")
    }
    if "MessageGroupId" in given:
        system["MessageGroupId"] = given["MessageGroupId"]
    return Outgoing(uuid.uuid4(), given["MessageBody"], attributes, system, delay)


def system_attributes(message: Stored) -> dict[str, str]:
    """What SQS itself knows about a received message."""
    known = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(milliseconds(message.sent_at)),
        "SenderId": SENDER,
        **message.system_attributes,
    }
    if message.first_received_at is not None:
        known["ApproximateFirstReceiveTimestamp"] = str(milliseconds(message.first_received_at))
    if message.origin is not None:
        known["DeadLetterQueueSourceArn"] = names.queue_arn(message.origin)
    return known


def show(message: Stored, given: Given) -> Answer:
    """A received message with the attributes that the ReceiveMessage call asked for."""
    asked = {*given.get("AttributeNames", []), *given.get("MessageSystemAttributeNames", [])}
    system = {k: v for k, v in system_attributes(message).items() if "All" in asked or k in asked}
    wanted = given.get("MessageAttributeNames", [])
    attributes = {k: _binary(v) for k, v in message.attributes.items() if _wanted(k, wanted)}
    return present(
        MessageId=str(message.message_id),
        ReceiptHandle=handle_of(message),
        MD5OfBody=md5(message.body.encode()),
        Body=message.body,
        Attributes=system or None,
        MD5OfMessageAttributes=attributes_md5(attributes),
        MessageAttributes=attributes or None,
    )


def event(messages: list[Stored], queue: str) -> dict[str, Any]:
    """The event that SQS messages make for a function.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {"Records": [_record(message, queue) for message in messages]}


def md5(content: bytes) -> str:
    """SQS's checksum, in hex. It guards against damage, not against people."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def attributes_md5(attributes: dict[str, Given]) -> str | None:
    """The checksum over message attributes; None when there are none.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    if not attributes:
        return None
    parts: list[bytes] = []
    for name in sorted(attributes):
        value = attributes[name]
        binary = value.get("BinaryValue")
        content = value["StringValue"].encode() if binary is None else binary
        for part in (name.encode(), value["DataType"].encode()):
            parts += (struct.pack(">I", len(part)), part)
        parts += (b"\x01" if binary is None else b"\x02", struct.pack(">I", len(content)), content)
    return md5(b"".join(parts))


def _record(message: Stored, queue: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "messageId": str(message.message_id),
        "receiptHandle": handle_of(message),
        "body": message.body,
        "attributes": system_attributes(message),
        "messageAttributes": {name: _for_event(value) for name, value in message.attributes.items()},
        "md5OfBody": md5(message.body.encode()),
        "eventSource": "aws:sqs",
        "eventSourceARN": names.queue_arn(queue),
        "awsRegion": names.LOCAL_REGION,
    }
    if message.attributes:
        record["md5OfMessageAttributes"] = attributes_md5(
            {name: _binary(value) for name, value in message.attributes.items()}
        )
    return record


def _for_event(value: Given) -> dict[str, Any]:
    return present(
        stringValue=value.get("StringValue"),
        binaryValue=value.get("BinaryValue"),
        stringListValues=[],
        binaryListValues=[],
        dataType=value["DataType"],
    )


def _binary(value: Given) -> Given:
    if "BinaryValue" not in value:
        return value
    return {**value, "BinaryValue": base64.b64decode(value["BinaryValue"])}


def _wanted(name: str, wanted: list[str]) -> bool:
    return any(
        pattern in ("All", ".*", name) or (pattern.endswith(".*") and name.startswith(pattern[:-2]))
        for pattern in wanted
    )
