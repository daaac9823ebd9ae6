"""What Lambda's event source mapping does, over SQS's public API, with the mischief that it may do.

A standard queue delivers at least once and in any order. This delivers each message `most`
times at most, shuffled, from a seed that tells how.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

# An event in, `{"batchItemFailures": […]}` or None out; `FunctionFailed` when it gave no answer.
Function = Callable[[dict[str, Any]], dict[str, Any] | None]


class FunctionFailed(Exception):
    """The function ended without an answer."""


class Poller:
    """Takes messages from `queue` and hands them to `function`, as often as it likes."""

    def __init__(
        self, sqs: Any, queue: str, function: Function, *, seed: int = 0, most: int = 1, batch: int = 10
    ) -> None:
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._arn = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        self._function = function
        self._random = random.Random(seed)
        self._most = most
        self._batch = batch
        self.deliveries = 0
        self.messages = 0

    def poll(self, *, wait: int = 0, lanes: Executor | None = None) -> int:
        """Take what is visible, deliver all of it, delete what was handled; how many messages came.

        With `lanes` its batches are under way side by side.
        """
        taken = self._take(wait)
        deck = [message for message in taken for _ in range(self._random.randint(1, self._most))]
        self._random.shuffle(deck)
        batches = list(self._batches(deck))
        answers = lanes.map(self._deliver, batches) if lanes else map(self._deliver, batches)
        failed = set().union(*answers)
        for message in taken:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self.messages += len(taken)
        return len(taken)

    def _batches(self, deck: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        """The deck in batches of any size; a message that would be in one twice waits for the next."""
        while deck:
            size = self._random.randint(1, self._batch)
            batch = {message["MessageId"]: message for message in deck[:size]}
            rest = list(deck[:size])
            for message in batch.values():
                rest.remove(message)
            deck = rest + deck[size:]
            yield list(batch.values())

    def _take(self, wait: int) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        while found := self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0 if taken else wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", []):
            taken += found
        return taken

    def _deliver(self, batch: list[dict[str, Any]]) -> set[str]:
        """The ids that must come back."""
        self.deliveries += len(batch)
        try:
            answer = self._function({"Records": [self._record(message) for message in batch]})
        except FunctionFailed:
            return {message["MessageId"] for message in batch}
        failures = (answer or {}).get("batchItemFailures") or []
        return {failure["itemIdentifier"] for failure in failures}

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: {
                    "dataType": value["DataType"],
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn["QueueArn"],
            "awsRegion": self._arn["QueueArn"].split(":")[3],
        }
