"""What senders and receivers of a local queue can rely on."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lamppost.local.queue_records import Outgoing, outgoing
from lamppost.local.queues import QueueInUse, QueueMissing, Queues, handle_of
from lamppost.testing.plugin import MakeDatabase
from tests.contracts.aws_house import LOCAL_TABLES, nothing_in

Story = Callable[[Queues], Awaitable[None]]


@pytest.fixture
def tell(database: MakeDatabase) -> Callable[[Story], None]:
    """Runs a story about queues `q` (two attempts) and `dead` on a real database."""
    conninfo = database(folders=LOCAL_TABLES).admin

    async def played(story: Story) -> None:
        queues = Queues()
        await queues.open(conninfo)
        try:
            await queues.declare("dead", visibility=30, keep=1_209_600)
            await queues.declare("q", ("alias",), visibility=30, keep=345_600, redrive=("dead", 2))
            await story(queues)
        finally:
            await queues.close()

    return lambda story: asyncio.run(played(story))


def test_many_receivers_share_a_queue_and_none_gets_anothers_message(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        for start in range(0, 200, 10):
            await queues.send("q", [outgoing(str(number)) for number in range(start, start + 10)])
        seen: Counter[str] = Counter()

        async def receive() -> None:
            while batch := await queues.take("alias", limit=7):
                seen.update(message.body for message in batch)
                await queues.delete("q", [handle_of(message) for message in batch])

        await asyncio.gather(*(receive() for _ in range(8)))
        assert len(seen) == 200
        assert set(seen.values()) == {1}
        assert await nothing_in(queues, "q")

    tell(story)


def test_a_send_that_is_repeated_with_its_id_is_one_message(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        message = outgoing("once")
        await queues.send("q", [message])
        await queues.send("q", [message])
        assert (await queues.counts("q")).visible == 1

    tell(story)


def test_a_waiting_receiver_wakes_when_a_hidden_message_becomes_visible(
    tell: Callable[[Story], None],
) -> None:
    async def story(queues: Queues) -> None:
        await queues.send("q", [outgoing("x")])
        await queues.take("q", limit=1, visibility=1)
        [again] = await queues.receive("q", limit=1, wait_seconds=20)
        assert again.receives == 2

    tell(story)


def test_a_waiting_receiver_wakes_when_a_delay_ends(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        waiting = asyncio.create_task(queues.receive("q", limit=1, wait_seconds=20))
        await queues.send("q", [outgoing("later", delay=1)])
        assert (await queues.counts("q")).delayed == 1
        [message] = await waiting
        assert message.body == "later"

    tell(story)


def test_a_waiting_receiver_does_not_ask_again_and_again(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        asked = 0
        take = queues.take

        async def counted(*given: Any, **more: Any) -> Any:
            nonlocal asked
            asked += 1
            return await take(*given, **more)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(queues, "take", counted)
            assert await queues.receive("q", limit=1, wait_seconds=2) == []
        assert asked == 2

    tell(story)


def test_looking_at_a_queue_is_not_a_receive(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        await queues.send("q", [outgoing("x")])
        for _ in range(5):
            assert [(m.body, m.receives) for m in await queues.peek("q")] == [("x", 0)]
        assert len(await queues.take("q", limit=1)) == 1

    tell(story)


def test_a_poison_message_dies_after_its_attempts_and_its_neighbours_do_not(
    tell: Callable[[Story], None],
) -> None:
    async def story(queues: Queues) -> None:
        await queues.send("q", [outgoing("poison"), outgoing("fine")])
        for attempt in (1, 2):
            batch = {m.body: m for m in await queues.take("q", limit=10, visibility=0)}
            assert batch["poison"].receives == attempt
            if attempt == 1:
                await queues.delete("q", [handle_of(batch["fine"])])
        assert await queues.take("q", limit=10) == []
        [letter] = await queues.peek("dead")
        assert (letter.body, letter.origin) == ("poison", "q")
        assert await queues.redrive("dead") == {"q": 1}
        [back] = await queues.take("q", limit=10)
        assert (back.body, back.receives) == ("poison", 1)

    tell(story)


def test_a_letter_sent_to_the_dead_directly_is_redriven_to_the_queue_they_belong_to(
    tell: Callable[[Story], None],
) -> None:
    async def story(queues: Queues) -> None:
        await queues.send("dead", [outgoing("given up")])
        assert await queues.redrive("dead") == {"q": 1}

    tell(story)


def test_what_outlives_its_retention_is_gone(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        await queues.declare("brief", visibility=30, keep=0)
        await queues.send("brief", [outgoing("x")])
        assert await queues.take("brief", limit=1) == []
        assert await nothing_in(queues, "brief")

    tell(story)


def test_declaring_again_keeps_the_messages_and_takes_new_attributes(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        await queues.send("q", [outgoing("x")])
        changed = await queues.declare("q", ("alias",), visibility=99, keep=345_600, redrive=("dead", 2))
        assert changed.visibility == 99
        assert (await queues.counts("q")).visible == 1

    tell(story)


def test_a_queue_that_takes_anothers_dead_letters_is_not_removed(tell: Callable[[Story], None]) -> None:
    async def story(queues: Queues) -> None:
        with pytest.raises(QueueInUse):
            await queues.drop("dead")
        await queues.drop("q")
        with pytest.raises(QueueMissing):
            await queues.send("alias", [Outgoing(outgoing("").message_id, "x")])
        await queues.drop("dead")

    tell(story)
