"""A queue function: from an SQS event to the messages that must come back."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from lamppost.declare import names
from lamppost.declare.events import Batch, Message
from lamppost.derive.manifest import FunctionEntry
from lamppost.errors import AuthorError, GiveUp, TryAgain
from lamppost.observe import trace
from lamppost.runtime.context import LiveContext

Poison = tuple[str, str]


class QueueFunction:
    """A handler of messages, one by one (`message: Message[T]`) or together (`batch: Batch[T]`)."""

    def __init__(self, entry: FunctionEntry, module: ModuleType) -> None:
        self._handler: Callable[..., None] = getattr(module, entry.handler)
        hints = get_type_hints(self._handler)
        names_ = self._handler.__code__.co_varnames[: self._handler.__code__.co_argcount]
        kind = hints.get(names_[0]) if names_ else None
        self._together = get_origin(kind) is Batch or kind is Batch
        if not self._together and get_origin(kind) is not Message and kind is not Message:
            raise AuthorError(
                f"{module.__name__}.{entry.handler} is run by a queue and takes no messages",
                fix="annotate its first parameter as Batch[YourBody] or Message[YourBody]",
            )
        arguments = get_args(kind)
        self._body: Any = arguments[0] if arguments else Any

    def __call__(self, event: Any, context: LiveContext, lambda_context: Any) -> dict[str, Any]:
        """Handle the batch; answer with ReportBatchItemFailures' `batchItemFailures`."""
        arrived = _records(event)
        messages, failed = self._decode(arrived)
        if self._together:
            batch = Batch(messages)
            if messages:
                self._handler(batch, context)
            failed.update(batch.failed)
        else:
            records = {record["messageId"]: record for record in arrived}
            for message in messages:
                self._one(message, records[message.id], context, lambda_context, failed)
        for message_id, why in failed.items():
            context.log.warning("message.returned", message_id=message_id, why=why)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def _decode(self, records: list[dict[str, Any]]) -> tuple[list[Message[Any]], dict[str, str]]:
        messages: list[Message[Any]] = []
        failed: dict[str, str] = {}
        for record in records:
            try:
                body = msgspec.json.decode(record["body"].encode("utf-8", "surrogatepass"), type=self._body)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                # Poison stays poison: it comes back until the queue buries it, and its neighbours go on.
                failed[record["messageId"]] = f"the body is not what the handler takes: {error}"
                continue
            messages.append(_message(record, body))
        return messages, failed

    def _one(
        self,
        message: Message[Any],
        record: dict[str, Any],
        context: LiveContext,
        lambda_context: Any,
        failed: dict[str, str],
    ) -> None:
        try:
            with trace.handling(trace.sender(record)):
                self._handler(message, context)
        except TryAgain as order:
            failed[message.id] = order.what
        except GiveUp as order:
            _bury(record, order, lambda_context)
            context.log.error("message.given_up", message_id=message.id, why=order.what)
        except Exception as error:
            import traceback

            context.log.error(
                "message.failed", message_id=message.id, stack=traceback.format_exception(error)
            )
            failed[message.id] = f"{type(error).__name__}: {error}"


def _records(event: Any) -> list[dict[str, Any]]:
    """The event's messages. Raises `AuthorError`: what is not SQS's must fail as a whole, and be kept."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not all(map(_is_message, records)):
        raise AuthorError(
            "this event holds no SQS messages",
            fix="let a queue run the function; a message's text goes into `body`, its id into `messageId`",
            code="unsupported_event",
        )
    return records


def _is_message(record: Any) -> bool:
    return isinstance(record, dict) and all(
        isinstance(record.get(name), str) for name in ("messageId", "body")
    )


def _message(record: dict[str, Any], body: Any) -> Message[Any]:
    attributes = record.get("attributes", {})
    return Message(
        id=record["messageId"],
        body=body,
        attempt=int(attributes.get("ApproximateReceiveCount", "1")),
        sent_at=datetime.fromtimestamp(int(attributes.get("SentTimestamp", "0")) / 1000, UTC),
        attributes={
            name: value.get("stringValue", "") for name, value in record.get("messageAttributes", {}).items()
        },
    )


def _bury(record: dict[str, Any], order: GiveUp, lambda_context: Any) -> None:
    """Move one message to its dead letters. A crash before the delete buries it twice, never not at all."""
    from lamppost.runtime import queues

    queue = record["eventSourceARN"].rpartition(":")[2]
    account = lambda_context.invoked_function_arn.split(":")[4]
    why = {"lamppost.why": {"DataType": "String", "StringValue": order.what[:1000] or "given up"}}
    queues.send_raw(names.dead_letters(queue), account, [record["body"]], why)
