"""SQS, standard queues: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from lamppost.declare import names
from lamppost.errors import CallerError
from lamppost.local import queue_rules
from lamppost.local.aws import sqs_attributes, sqs_messages, sqs_requests
from lamppost.local.aws.calls import Answer, Call, Given, Operation, present, refused
from lamppost.local.queue_records import Outgoing
from lamppost.local.queues import Queues, milliseconds

_NAME = re.compile(r"^[A-Za-z0-9_-]{1,80}$")
# IAM knows no action of its own for a batch.
_BATCHES = {
    "SendMessageBatch": "SendMessage",
    "DeleteMessageBatch": "DeleteMessage",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
}


class Sqs:
    """SQS's operations over `Queues`."""

    name = "sqs"

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._tasks: list[dict[str, Any]] = []
        self.operations: Mapping[str, Operation] = {
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "CreateQueue": self._create_queue,
            "DeleteMessage": self._delete_message,
            "DeleteMessageBatch": self._delete_message_batch,
            "DeleteQueue": self._delete_queue,
            "GetQueueAttributes": self._get_queue_attributes,
            "GetQueueUrl": self._get_queue_url,
            "ListDeadLetterSourceQueues": self._list_sources,
            "ListMessageMoveTasks": self._list_move_tasks,
            "ListQueues": self._list_queues,
            "PurgeQueue": self._purge_queue,
            "ReceiveMessage": self._receive_message,
            "SendMessage": self._send_message,
            "SendMessageBatch": self._send_message_batch,
            "SetQueueAttributes": self._set_queue_attributes,
            "StartMessageMoveTask": self._start_move_task,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """The action on the queue that the call names, and nothing more."""
        action = f"sqs:{_BATCHES.get(call.operation, call.operation)}"
        given = call.given
        if "QueueUrl" in given or "QueueName" in given:
            yield action, self._arn(sqs_requests.queue_name(given))
        elif "SourceArn" in given:
            yield action, self._arn(sqs_requests.arn_name(given["SourceArn"]))
            if "DestinationArn" in given:
                yield "sqs:SendMessage", self._arn(sqs_requests.arn_name(given["DestinationArn"]))
        else:
            yield action, "*"

    def _arn(self, name: str) -> str:
        return names.queue_arn(self._queues.aliases.canonical(name))

    # --- queues

    async def _create_queue(self, call: Call) -> Answer:
        name = call.given["QueueName"]
        if name.endswith(".fifo") or "FifoQueue" in call.given.get("Attributes", {}):
            raise refused(
                "InvalidParameterValue", "FIFO queues are not served here; Lamppost uses standard queues."
            )
        if not _NAME.match(name):
            raise refused(
                "InvalidParameterValue",
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
            )
        asked = sqs_attributes.read(call.given.get("Attributes", {}))
        known = self._queues.aliases.canonical(name)
        if known in self._queues.names():
            current = sqs_attributes.values(self._queues.settings(name))
            if any(current[key] != value for key, value in asked.items()):
                raise refused(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value for attribute(s)",
                )
        else:
            await self._declare(name, {**sqs_attributes.DEFAULTS, **asked})
        return {"QueueUrl": sqs_requests.queue_url(call, name)}

    async def _set_queue_attributes(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        asked = sqs_attributes.read(call.given["Attributes"])
        await self._declare(settings.name, {**sqs_attributes.values(settings), **asked})
        return {}

    async def _declare(self, name: str, values: dict[str, Any]) -> None:
        redrive = values["RedrivePolicy"]
        if redrive is not None and self._queues.aliases.canonical(redrive[0]) not in self._queues.names():
            raise refused("InvalidParameterValue", f"Dead letter target does not exist: {redrive[0]}")
        await self._queues.declare(
            name,
            visibility=values["VisibilityTimeout"],
            keep=values["MessageRetentionPeriod"],
            delay=values["DelaySeconds"],
            wait=values["ReceiveMessageWaitTimeSeconds"],
            redrive=redrive,
        )

    async def _delete_queue(self, call: Call) -> Answer:
        await self._queues.drop(sqs_requests.queue_name(call.given))
        return {}

    async def _get_queue_url(self, call: Call) -> Answer:
        self._queues.settings(call.given["QueueName"])
        return {"QueueUrl": sqs_requests.queue_url(call, call.given["QueueName"])}

    async def _get_queue_attributes(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        shown = sqs_attributes.show(settings, await self._queues.counts(settings.name))
        asked = call.given.get("AttributeNames", [])
        sqs_attributes.check_names(asked)
        return {"Attributes": {key: value for key, value in shown.items() if "All" in asked or key in asked}}

    async def _list_queues(self, call: Call) -> Answer:
        prefix = call.given.get("QueueNamePrefix", "")
        found = [
            name
            for canonical in self._queues.names()
            for name in self._queues.aliases.all_names(canonical)
            if name.startswith(prefix)
        ]
        page, token = sqs_requests.page_of(found, call.given)
        return present(
            QueueUrls=[sqs_requests.queue_url(call, name) for name in page] or None, NextToken=token
        )

    async def _list_sources(self, call: Call) -> Answer:
        page, token = sqs_requests.page_of(
            self._queues.sources(sqs_requests.queue_name(call.given)), call.given
        )
        return present(queueUrls=[sqs_requests.queue_url(call, name) for name in page], NextToken=token)

    async def _purge_queue(self, call: Call) -> Answer:
        await self._queues.purge(sqs_requests.queue_name(call.given))
        return {}

    # --- messages

    async def _send_message(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        message, _ = sqs_requests.outgoing(call.given, settings.delay)
        await self._queues.send(settings.name, [message])
        return sqs_requests.sent(message, call.given)

    async def _send_message_batch(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        entries = sqs_requests.entries_of(call.given)
        good: list[tuple[Given, Outgoing]] = []
        failed: list[Answer] = []
        # The size is judged before the contents: a batch too long is refused as a whole.
        queue_rules.check_batch_size(sum(len(entry["MessageBody"].encode()) for entry in entries))
        total = 0
        for entry in entries:
            try:
                message, size = sqs_requests.outgoing(entry, settings.delay)
            except CallerError as wrong:
                failed.append(sqs_requests.failed_entry(entry, wrong))
                continue
            total += size
            good.append((entry, message))
        queue_rules.check_batch_size(total)
        if good:
            await self._queues.send(settings.name, [message for _, message in good])
        sent = [{"Id": entry["Id"], **sqs_requests.sent(message, entry)} for entry, message in good]
        return present(Successful=sent, Failed=failed or None)

    async def _receive_message(self, call: Call) -> Answer:
        given = call.given
        settings = self._queues.settings(sqs_requests.queue_name(given))
        visibility = given.get("VisibilityTimeout", settings.visibility)
        messages = await self._queues.receive(
            settings.name,
            limit=queue_rules.within("MaxNumberOfMessages", given.get("MaxNumberOfMessages", 1), 1, 10),
            visibility=queue_rules.within("VisibilityTimeout", visibility, 0, queue_rules.VISIBILITY_SECONDS),
            wait_seconds=queue_rules.within(
                "WaitTimeSeconds", given.get("WaitTimeSeconds", settings.wait), 0, queue_rules.WAIT_SECONDS
            ),
        )
        if not messages:
            return {}
        return {"Messages": [sqs_messages.show(message, given) for message in messages]}

    async def _delete_message(self, call: Call) -> Answer:
        await self._queues.delete(sqs_requests.queue_name(call.given), [call.given["ReceiptHandle"]])
        return {}

    async def _delete_message_batch(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        good, failed = sqs_requests.receipts(sqs_requests.entries_of(call.given))
        if good:
            await self._queues.delete(settings.name, [entry["ReceiptHandle"] for entry in good])
        return present(Successful=[{"Id": entry["Id"]} for entry in good], Failed=failed or None)

    async def _change_visibility(self, call: Call) -> Answer:
        seconds = sqs_requests.visibility(call.given)
        [hidden] = await self._queues.change_visibility(
            sqs_requests.queue_name(call.given), [call.given["ReceiptHandle"]], [seconds]
        )
        if not hidden:
            raise sqs_requests.not_in_flight()
        return {}

    async def _change_visibility_batch(self, call: Call) -> Answer:
        settings = self._queues.settings(sqs_requests.queue_name(call.given))
        good, failed = sqs_requests.receipts(sqs_requests.entries_of(call.given))
        done: list[Answer] = []
        if good:
            hidden = await self._queues.change_visibility(
                settings.name,
                [entry["ReceiptHandle"] for entry in good],
                [sqs_requests.visibility(e) for e in good],
            )
            for entry, worked in zip(good, hidden, strict=True):
                if worked:
                    done.append({"Id": entry["Id"]})
                else:
                    failed.append(sqs_requests.failed_entry(entry, sqs_requests.not_in_flight()))
        return present(Successful=done, Failed=failed or None)

    # --- dead letters

    async def _start_move_task(self, call: Call) -> Answer:
        source = self._queues.settings(sqs_requests.arn_name(call.given["SourceArn"])).name
        if not self._queues.sources(source):
            raise refused("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
        target = call.given.get("DestinationArn")
        moved = await self._queues.redrive(source, target=sqs_requests.arn_name(target) if target else None)
        handle = str(uuid.uuid4())
        # The move is one statement and over when we answer, whatever rate was asked for.
        task = present(
            Status="COMPLETED",
            SourceArn=names.queue_arn(source),
            DestinationArn=target,
            ApproximateNumberOfMessagesMoved=sum(moved.values()),
            ApproximateNumberOfMessagesToMove=sum(moved.values()),
            StartedTimestamp=milliseconds(sqs_messages.now()),
        )
        self._tasks = [task, *self._tasks][:10]
        return {"TaskHandle": handle}

    async def _list_move_tasks(self, call: Call) -> Answer:
        source = names.queue_arn(self._queues.settings(sqs_requests.arn_name(call.given["SourceArn"])).name)
        tasks = [task for task in self._tasks if task["SourceArn"] == source]
        return {"Results": tasks[: call.given.get("MaxResults", 1)]}
