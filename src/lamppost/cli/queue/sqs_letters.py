"""Letters as SQS writes them: received, and on their way again. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from lamppost.cli.queue.letters import Letter
from lamppost.declare import limits

_PASSED_ON = {"MessageGroupId"}


def count(attributes: dict[str, str]) -> int:
    """How many messages a queue with these attributes has, in whatever state. SQS approximates it."""
    kinds = ("", "NotVisible", "Delayed")
    return sum(int(attributes.get(f"ApproximateNumberOfMessages{kind}", 0)) for kind in kinds)


def received(message: dict[str, Any]) -> Letter:
    """A message as ReceiveMessage gives it."""
    system = message.get("Attributes", {})
    origin = system.get("DeadLetterQueueSourceArn")
    return Letter(
        id=message["MessageId"],
        body=message["Body"],
        attributes={
            name: {key: part for key, part in value.items() if not key.endswith("ListValues")}
            for name, value in message.get("MessageAttributes", {}).items()
        },
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        # Our own look is one of them.
        receives=int(system.get("ApproximateReceiveCount", 1)) - 1,
        origin=origin.rpartition(":")[2] if origin else None,
        system={name: value for name, value in system.items() if name in _PASSED_ON},
    )


def entry(number: int, letter: Letter) -> dict[str, Any]:
    """What SendMessageBatch takes to send it again."""
    written: dict[str, Any] = {"Id": str(number), "MessageBody": letter.body, **letter.system}
    if letter.attributes:
        written["MessageAttributes"] = letter.attributes
    return written


def batches(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    """At most ten, and together no more than one message may weigh."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        weight = _weight(letter)
        if batch and (len(batch) == limits.BATCH_ENTRIES or size + weight > limits.MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += weight
    if batch:
        yield batch


def _weight(letter: Letter) -> int:
    attributes = sum(
        len(name.encode()) + sum(len(_bytes(part)) for part in value.values())
        for name, value in letter.attributes.items()
    )
    return len(letter.body.encode()) + attributes


def _bytes(part: str | bytes) -> bytes:
    return part.encode() if isinstance(part, str) else part
