"""Asynchronous invocations on a real PostgreSQL: kept until they are done, tried again, then handed on."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from lamppost.local.functions.later import Later
from lamppost.local.functions.spec import Result, failure
from lamppost.observe.log import Log

MIGRATION = "2026-11-21T0905__local__events.sql"
WAITS = (timedelta(milliseconds=30), timedelta(milliseconds=60))


@pytest.fixture
def home(empty) -> str:
    """A database with the runner's table of events."""
    import lamppost

    folder = Path(lamppost.__file__).parent / "local" / "migrations"
    with psycopg.connect(empty.admin, autocommit=True) as admin:
        admin.execute("create schema local")
        admin.execute((folder / MIGRATION).read_bytes())
    return str(empty.admin)


class Runner:
    """A function that does what the test says, and a failure destination."""

    def __init__(self, *results: Result) -> None:
        self.results = list(results)
        self.ran: list[tuple[str, bytes, str]] = []
        self.failures: list[dict[str, object]] = []
        self.failed = asyncio.Event()
        self.done = asyncio.Event()

    async def invoke(self, function: str, payload: bytes, request_id: str) -> Result:
        self.ran.append((function, payload, request_id))
        result = self.results.pop(0) if self.results else Result(b"null")
        if result.error is None:
            self.done.set()
        return result

    async def fail(self, function: str, record: bytes) -> None:
        self.failures.append(msgspec.json.decode(record))
        self.failed.set()

    def later(self) -> Later:
        return Later(self.invoke, self.fail, Log(write=lambda _: None), waits=WAITS)


BAD = failure("ValueError", "no such dog")


def play(story: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def left(home: str) -> int:
    with psycopg.connect(home) as database:
        (count,) = database.execute("select count(*) from local.events").fetchone() or (0,)
    return int(count)


def test_an_event_that_fails_twice_is_tried_a_third_time_under_the_same_id(home):
    async def story() -> None:
        runner = Runner(BAD, BAD)
        later = runner.later()
        await later.open(home)
        event = await later.add("dogs", b'{"dog": 1}')
        await runner.done.wait()
        await later.close()
        assert runner.ran == [("dogs", b'{"dog": 1}', event)] * 3
        assert runner.failures == []
        assert left(home) == 0

    play(story)


def test_after_three_failures_the_record_tells_everything(home):
    async def story() -> None:
        runner = Runner(BAD, BAD, BAD)
        later = runner.later()
        await later.open(home)
        event = await later.add("dogs", b'{"dog": 1}')
        await runner.failed.wait()
        await later.close()
        (record,) = runner.failures
        assert record["requestContext"]["requestId"] == event
        assert record["requestContext"]["approximateInvokeCount"] == 3
        assert record["requestPayload"] == {"dog": 1}
        assert record["responsePayload"]["errorMessage"] == "no such dog"
        assert left(home) == 0

    play(story)


def test_what_was_accepted_and_not_run_is_taken_up_by_the_next_start(home):
    async def story() -> None:
        first = Runner()
        later = first.later()
        await later.open(home)
        await later.close()
        event = await later.add("dogs", b"{}")
        assert first.ran == []
        second = Runner()
        again = second.later()
        await again.open(home)
        await second.done.wait()
        await again.close()
        assert [ran[2] for ran in second.ran] == [event]
        assert left(home) == 0

    play(story)


def test_a_lost_connection_is_made_again(home):
    async def story() -> None:
        runner = Runner()
        later = runner.later()
        await later.open(home)
        with psycopg.connect(home, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'lamppost events' and datname = current_database()"
            )
        await later.add("dogs", b"{}")
        await runner.done.wait()
        await later.close()
        assert len(runner.ran) == 1
        assert left(home) == 0

    play(story)
