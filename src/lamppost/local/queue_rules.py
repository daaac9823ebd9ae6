"""What SQS refuses, refused here too, so that nothing works locally that fails on AWS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import re
from typing import Any

from lamppost.declare import limits
from lamppost.errors import CallerError

DELAY_SECONDS = int(limits.DELAY_MAX.total_seconds())
VISIBILITY_SECONDS = int(limits.VISIBILITY_MAX.total_seconds())
WAIT_SECONDS = int(limits.WAIT_MAX.total_seconds())

# XML 1.0's characters, which exclude control characters, surrogates, U+FFFE and U+FFFF.
_FOREIGN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BATCH_ID = re.compile(r"^[A-Za-z0-9_-]{1,80}$")
_ATTRIBUTE_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,256}$")
_ATTRIBUTE_TYPE = re.compile(r"^(String|Number|Binary)(\..+)?$", re.DOTALL)
_NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$", re.ASCII)


def refused(code: str, detail: str) -> CallerError:
    """A 400 with SQS's own error code."""
    return CallerError(400, code, detail)


def check_message(body: str, attributes: dict[str, Any]) -> int:
    """The message's size in bytes. Raises `CallerError` where SQS refuses body or attributes."""
    if not body:
        raise refused("MissingParameter", "The request must contain the parameter MessageBody.")
    _check_text("message body", body)
    size = len(body.encode())
    if len(attributes) > 10:
        raise refused(
            "InvalidParameterValue",
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].",
        )
    size += sum(_check_attribute(name, value) for name, value in attributes.items())
    if size > limits.MESSAGE_BYTES:
        raise refused(
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than"
            f" {limits.MESSAGE_BYTES} bytes.",
        )
    return size


def check_batch_ids(ids: list[str]) -> None:
    """Raises `CallerError` unless there are 1 to 10 distinct, well-formed ids."""
    if not ids:
        raise refused("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(ids) > limits.BATCH_ENTRIES:
        raise refused(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {limits.BATCH_ENTRIES}. You have sent {len(ids)}.",
        )
    for id_ in ids:
        if not _BATCH_ID.match(id_):
            raise refused(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores."
                " It can be at most 80 letters long.",
            )
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            raise refused("BatchEntryIdsNotDistinct", f"Id {id_} repeated.")
        seen.add(id_)


def check_batch_size(size: int) -> None:
    """Raises `CallerError` when a batch's messages together are too long."""
    if size > limits.MESSAGE_BYTES:
        raise refused(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {limits.MESSAGE_BYTES} bytes. You have sent {size} bytes.",
        )


def within(parameter: str, value: int, least: int, most: int) -> int:
    """`value`, when SQS takes it for `parameter`."""
    if not least <= value <= most:
        raise refused(
            "InvalidParameterValue",
            f"Value {value} for parameter {parameter} is invalid."
            f" Reason: Must be between {least} and {most}.",
        )
    return value


def _check_text(what: str, text: str) -> None:
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        raise refused(
            "InvalidMessageContents",
            f"Invalid characters found in {what}: U+{ord(foreign.group()):04X}"
            f" at character {foreign.start()}."
            " Valid are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )


def _check_attribute(name: str, value: dict[str, Any]) -> int:
    def invalid(why: str) -> CallerError:
        return refused("InvalidParameterValue", f"The message attribute '{name}' {why}")

    if not _ATTRIBUTE_NAME.match(name) or name.startswith(".") or name.endswith(".") or ".." in name:
        raise invalid("has an invalid name: letters, digits, _ - . and at most 256 of them.")
    if name.lower().startswith(("aws.", "amazon.")):
        raise invalid("has a name that AWS keeps for itself.")
    kind = value.get("DataType", "")
    match = _ATTRIBUTE_TYPE.match(kind)
    if match is None or len(kind) > 256:
        raise invalid(
            "has an invalid message attribute type, the set of supported types is Binary, Number, String."
        )
    binary = match.group(1) == "Binary"
    content = value.get("BinaryValue" if binary else "StringValue")
    if not content:
        raise invalid(f"must contain a non-empty value of the type {match.group(1)}.")
    if not binary:
        _check_text(f"message attribute '{name}'", content)
        if match.group(1) == "Number" and not _NUMBER.match(content):
            raise invalid("has a value that is not a number.")
        content = content.encode()
    return len(name.encode()) + len(kind.encode()) + len(content)
