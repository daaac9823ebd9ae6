"""Event source mappings: a queue's messages become invocations of its function.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
What a function does not report as failed is deleted. A failed or throttled invocation leaves
its messages hidden: they come back when their visibility ends, or die after enough attempts.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from lamppost.declare import limits
from lamppost.errors import LamppostError, OperatorError
from lamppost.local import tasks, traces
from lamppost.local.aws import sqs_messages
from lamppost.local.aws.functions import Invokes
from lamppost.local.functions.spec import Result
from lamppost.local.queue_records import Stored
from lamppost.local.queues import Queues, handle_of
from lamppost.observe import trace
from lamppost.observe.log import Log

# "Lambda starts processing five batches at a time with five concurrent invocations": its pollers ask side by
# side, so what was sent together is rarely received together.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLERS = 5
# While PostgreSQL is away every take already waits for seconds.
PAUSE_SECONDS = 1.0
# The envelope of one record and JSON's escapes are what the rest of the 6 MB is for.
RECORD_BYTES = 2048


class _Failure(msgspec.Struct):
    item_identifier: str = msgspec.field(name="itemIdentifier")


class _Report(msgspec.Struct):
    failures: list[_Failure] | None = msgspec.field(name="batchItemFailures", default=None)


class EventSource:
    """Hands the messages of `queue` to `function`: up to `batch` at once, up to `concurrency` at a time.

    Workers that are free share what is there: a long message delays nobody who came with it.
    """

    def __init__(
        self,
        queues: Queues,
        functions: Invokes,
        queue: str,
        function: str,
        *,
        batch: int,
        concurrency: int,
        log: Log | None = None,
    ) -> None:
        self._queues = queues
        self._functions = functions
        self._queue = queue
        self._function = function
        self._batch = batch
        self._concurrency = concurrency
        self._room = asyncio.Semaphore(concurrency)
        self._log = (log or Log()).only(queue=queue, function=function)
        self._stopping = False
        self._runner: asyncio.Task[None] | None = None
        self._invocations: set[asyncio.Task[None]] = set()
        self._asleep: asyncio.Event | None = None

    def start(self) -> None:
        """Begin to take messages."""
        self._stopping = False
        self._runner = asyncio.create_task(self._run())

    @property
    def idle(self) -> bool:
        """Whether no invocation is under way and nothing is there to be taken.

        It sleeps only after a take that found nothing, and everything that makes a message visible wakes it.
        """
        stopped = self._runner is None or self._runner.done()
        asleep = self._asleep is not None and not self._asleep.is_set()
        return (stopped or asleep) and not self._invocations

    async def drain(self) -> None:
        """Take no more messages and wait for the invocations under way."""
        self._stopping = True
        self._queues.wake(self._queue)
        if self._runner is not None:
            await self._runner
        await asyncio.gather(*self._invocations, return_exceptions=True)

    async def stop(self) -> None:
        """Take no more messages and wait for nothing: what is under way comes back."""
        self._stopping = True
        under_way = [*self._invocations, *((self._runner,) if self._runner else ())]
        await tasks.end(under_way)

    async def _run(self) -> None:
        while not self._stopping:
            await self._room.acquire()
            news = self._queues.listen(self._queue)
            messages: list[Stored] | None
            try:
                messages = [] if self._stopping else await self._queues.take(self._queue, limit=self._batch)
            except OperatorError as away:
                self._log.warning("source.waiting", error=away)
                await asyncio.sleep(PAUSE_SECONDS)
                messages = None
            finally:
                self._room.release()
            if messages:
                await self._invoke_all(messages)
            elif messages is not None and not self._stopping:
                self._asleep = news
                await news.wait()
                self._asleep = None

    async def _invoke_all(self, messages: list[Stored]) -> None:
        free = max(1, min(POLLERS, self._concurrency - len(self._invocations)))
        for part in (part for share in shares(messages, free) for part in fitting(share)):
            await self._room.acquire()
            invocation = asyncio.create_task(self._invoke(part))
            self._invocations.add(invocation)
            invocation.add_done_callback(self._done)

    def _done(self, invocation: asyncio.Task[None]) -> None:
        self._invocations.discard(invocation)
        self._room.release()

    async def _invoke(self, messages: list[Stored]) -> None:
        queue = self._queues.aliases.canonical(self._queue)
        event = sqs_messages.event(messages, queue)
        traces.current.set(trace.brought(event))
        try:
            result = await self._functions.invoke(self._function, msgspec.json.encode(event))
            done = self._handled(messages, result)
            if done:
                await self._queues.delete(self._queue, [handle_of(message) for message in done])
        except LamppostError as wrong:
            # Nothing was deleted, so everything comes back.
            self._log.error("source.batch_failed", messages=len(messages), error=wrong)

    def _handled(self, messages: list[Stored], result: Result) -> list[Stored]:
        """The messages that are done."""
        if result.throttled or result.error is not None:
            why = "throttled" if result.throttled else result.error
            self._log.warning("source.batch_failed", messages=len(messages), error=why)
            return []
        failed = failed_ids(result.payload, {str(message.message_id) for message in messages})
        if failed is None:
            self._log.error("source.report_malformed", messages=len(messages), report=result.payload[:200])
            return []
        if failed:
            self._log.warning("source.messages_failed", messages=len(failed))
        return [message for message in messages if str(message.message_id) not in failed]


def failed_ids(payload: bytes, sent: set[str]) -> set[str] | None:
    """The messages a function reports as failed; None, all of them, when its report makes no sense.

    An empty answer, null, and a null or empty list are full success, as on AWS.
    """
    if payload in (b"", b"null"):
        return set()
    try:
        report = msgspec.json.decode(payload, type=_Report)
    except msgspec.DecodeError:
        return None
    failed = {failure.item_identifier for failure in report.failures or ()}
    return failed if failed <= sent else None


def shares(messages: list[Stored], pollers: int) -> Iterator[list[Stored]]:
    """`messages` as so many pollers receive them: an equal share each, none when there are fewer."""
    first = 0
    for number in range(1, pollers + 1):
        last = len(messages) * number // pollers
        if last > first:
            yield messages[first:last]
        first = last


def fitting(messages: list[Stored]) -> Iterator[list[Stored]]:
    """`messages` in parts whose events stay below Lambda's 6 MB."""
    part: list[Stored] = []
    size = 0
    for message in messages:
        bytes_ = RECORD_BYTES + len(msgspec.json.encode(_bulk(message)))
        if part and size + bytes_ > limits.INVOKE_SYNC_BYTES:
            yield part
            part, size = [], 0
        part.append(message)
        size += bytes_
    if part:
        yield part


def _bulk(message: Stored) -> Any:
    return message.body, message.attributes, message.system_attributes
