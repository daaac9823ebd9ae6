"""A queue's messages become invocations, and come back when these fail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from lamppost.local.functions.spec import Result
from lamppost.local.queue_records import outgoing
from lamppost.local.queues import Queues
from lamppost.local.sources import EventSource, failed_ids
from lamppost.observe.log import Log
from lamppost.testing.plugin import MakeDatabase
from tests.contracts.aws_house import LOCAL_TABLES, nothing_in

Answer = Callable[[dict[str, Any]], Awaitable[bytes | Result]]


class Worker:
    """A function that answers as the test says, and keeps the events it saw."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.events: list[dict[str, Any]] = []
        self.running = 0
        self.most = 0

    async def invoke(self, name: str, payload: bytes) -> Result:
        event = msgspec.json.decode(payload)
        self.events.append(event)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            answer = await self._answer(event)
        finally:
            self.running -= 1
        return answer if isinstance(answer, Result) else Result(answer)


Story = Callable[[Queues, Callable[..., EventSource]], Awaitable[None]]


@pytest.fixture
def tell(database: MakeDatabase) -> Callable[[Worker, Story], None]:
    """Runs a story with a queue `q` (visibility 2 s, two attempts) that wakes `worker`."""
    conninfo = database(folders=LOCAL_TABLES).admin

    async def played(worker: Worker, story: Story) -> None:
        queues = Queues()
        await queues.open(conninfo)
        made: list[EventSource] = []

        def source(**given: Any) -> EventSource:
            settings = {"batch": 10, "concurrency": 2, **given}
            made.append(EventSource(queues, worker, "q", "worker", **settings, log=Log(level=100)))
            made[-1].start()
            return made[-1]

        try:
            await queues.declare("dead", visibility=30, keep=1_209_600)
            await queues.declare("q", visibility=2, keep=345_600, redrive=("dead", 2))
            await story(queues, source)
        finally:
            for one in made:
                await one.stop()
            await queues.close()

    return lambda worker, story: asyncio.run(played(worker, story))


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await done():
            await asyncio.sleep(0.01)


async def succeed(event: dict[str, Any]) -> bytes:
    return b'{"batchItemFailures":[]}'


def test_the_event_is_the_one_aws_sends(tell: Callable[[Worker, Story], None]) -> None:
    worker = Worker(succeed)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        source()
        await queues.send("q", [outgoing('{"chunk":1}')])
        await until(lambda: nothing_in(queues, "q"))

    tell(worker, story)
    [event] = worker.events
    [record] = event["Records"]
    assert record.keys() == {
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    }
    assert record["body"] == '{"chunk":1}'
    assert record["attributes"].keys() == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    assert (record["eventSource"], record["eventSourceARN"]) == (
        "aws:sqs",
        "arn:aws:sqs:us-east-2:000000000000:q",
    )


def test_what_the_function_reports_comes_back_and_the_rest_does_not(
    tell: Callable[[Worker, Story], None],
) -> None:
    async def second_try_works(event: dict[str, Any]) -> bytes:
        failed = [
            {"itemIdentifier": record["messageId"]}
            for record in event["Records"]
            if record["body"] == "slow" and record["attributes"]["ApproximateReceiveCount"] == "1"
        ]
        return msgspec.json.encode({"batchItemFailures": failed})

    worker = Worker(second_try_works)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        await queues.send("q", [outgoing("fast"), outgoing("slow")])
        source(concurrency=1)
        await until(lambda: nothing_in(queues, "q"))

    tell(worker, story)
    seen = [[record["body"] for record in event["Records"]] for event in worker.events]
    assert [sorted(bodies) for bodies in seen] == [["fast", "slow"], ["slow"]]


@pytest.mark.parametrize(
    "result",
    [
        Result(b'{"errorType":"ValueError"}', "Unhandled"),
        Result(b"", "Unhandled", throttled=True),
        Result(b'{"batchItemFailures":[{"itemIdentifier":""}]}'),
        Result(b'"done"'),
    ],
    ids=["error", "throttled", "empty id", "no report"],
)
def test_a_batch_that_fails_as_a_whole_dies_as_a_whole(
    tell: Callable[[Worker, Story], None], result: Result
) -> None:
    async def fail(event: dict[str, Any]) -> Result:
        return result

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        await queues.send("q", [outgoing("a"), outgoing("b")])
        source(concurrency=1)

        async def both_died() -> bool:
            return (await queues.counts("dead")).visible == 2

        await until(both_died)

    worker = Worker(fail)
    tell(worker, story)
    assert [len(event["Records"]) for event in worker.events] == [2, 2]


def test_no_more_invocations_run_at_once_than_allowed(tell: Callable[[Worker, Story], None]) -> None:
    gate = asyncio.Event()

    async def wait(event: dict[str, Any]) -> bytes:
        await gate.wait()
        return b""

    worker = Worker(wait)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        await queues.send("q", [outgoing(str(number)) for number in range(10)])
        one = source(batch=1, concurrency=3)

        async def full() -> bool:
            return worker.running == 3

        await until(full)
        assert not one.idle
        gate.set()
        await until(lambda: nothing_in(queues, "q"))
        await one.drain()
        assert one.idle

    tell(worker, story)
    assert worker.most == 3
    assert len(worker.events) == 10


@pytest.mark.parametrize(
    ("concurrency", "parts"), [(1, [10]), (2, [5, 5]), (5, [2, 2, 2, 2, 2]), (10, [2, 2, 2, 2, 2])]
)
def test_what_is_sent_together_is_shared_by_the_workers_that_are_free(
    tell: Callable[[Worker, Story], None], concurrency: int, parts: list[int]
) -> None:
    gate = asyncio.Event()

    async def wait(event: dict[str, Any]) -> bytes:
        await gate.wait()
        return b""

    worker = Worker(wait)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        await queues.send("q", [outgoing(str(number)) for number in range(10)])
        source(concurrency=concurrency)

        async def all_are_there() -> bool:
            return sum(len(event["Records"]) for event in worker.events) == 10

        await until(all_are_there)
        gate.set()
        await until(lambda: nothing_in(queues, "q"))

    tell(worker, story)
    assert [len(event["Records"]) for event in worker.events] == parts


def test_a_drained_source_finishes_its_work_and_takes_no_more(tell: Callable[[Worker, Story], None]) -> None:
    worker = Worker(succeed)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        one = source()
        await queues.send("q", [outgoing("a")])
        await until(lambda: nothing_in(queues, "q"))
        await one.drain()
        await queues.send("q", [outgoing("b")])
        assert (await queues.counts("q")).visible == 1

    tell(worker, story)
    assert len(worker.events) == 1


def test_a_batch_too_long_for_lambda_goes_in_parts(tell: Callable[[Worker, Story], None]) -> None:
    worker = Worker(succeed)

    async def story(queues: Queues, source: Callable[..., EventSource]) -> None:
        for _ in range(10):
            await queues.send("q", [outgoing("x" * 1024 * 1024)])
        source(concurrency=1)
        await until(lambda: nothing_in(queues, "q"))

    tell(worker, story)
    assert sorted(len(event["Records"]) for event in worker.events) == [5, 5]
    assert all(len(msgspec.json.encode(event)) <= 6 * 1024 * 1024 for event in worker.events)


@pytest.mark.parametrize(
    ("report", "failed"),
    [
        (b"", set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures":null}', set()),
        (b'{"batchItemFailures":[]}', set()),
        (b'{"batchItemFailures":[{"itemIdentifier":"a"}]}', {"a"}),
        (b'{"batchItemFailures":[{"itemIdentifier":"stranger"}]}', None),
        (b'{"batchItemFailures":[{"itemIdentifier":""}]}', None),
        (b'{"batchItemFailures":[{"itemIdentifier":null}]}', None),
        (b'{"batchItemFailures":[{"id":"a"}]}', None),
        (b"[1]", None),
        (b"{", None),
    ],
    ids=repr,
)
def test_a_report_is_read_as_aws_reads_it(report: bytes, failed: set[str] | None) -> None:
    assert failed_ids(report, {"a", "b"}) == failed
