"""From due to delivered: what arrives, what is recorded, and what a crash may change about it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lamppost.delivery import sending, signing
from services.birthday import outbox, worker
from services.birthday.store import chunks, claiming, settling
from tests.birthday import SIGNING_SECRET, World, batch_of
from tests.receiver import Receiver, Reply

BEFORE = "2025-03-15T12:59:00Z"
NINE_IN_NEW_YORK = "2025-03-15T13:00:00Z"


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world(BEFORE)


def test_a_greeting_arrives_at_nine_with_exactly_the_promised_body(world: World, hook: Receiver) -> None:
    person = world.create()
    world.minute()
    assert hook.requests == []
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    (request,) = hook.requests
    event = world.greetings("id")[0][0]
    assert json.loads(request.body) == {
        "message": "Hey, John Doe it's your birthday",
        "userId": person["id"],
        "eventId": str(event),
        "timestamp": "2025-03-15T13:00:00Z",
    }
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]
    assert world.get(person["id"])["nextGreetingAt"] == "2026-03-15T13:00:00Z"
    assert world.count("chunks") == 0


def test_the_receiver_can_verify_the_signature_and_know_a_repeat(world: World, hook: Receiver) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    (request,) = hook.requests
    signing.verify(signing.keys(SIGNING_SECRET), dict(request.headers), request.body, now=datetime.now(UTC))
    event = world.greetings("id")[0][0]
    assert request.headers["webhook-id"] == request.headers["x-idempotency-key"] == f"msg_{event.hex}"


def test_two_ticks_at_once_claim_a_greeting_once(world: World, hook: Receiver) -> None:
    for _ in range(5):
        world.create()
    world.now_is(NINE_IN_NEW_YORK)
    other = world.another_context()
    with world.ctx.transaction() as mine, other.transaction() as theirs:
        claiming.kinds(mine)
    with world.ctx.transaction() as mine, other.transaction() as theirs:
        assert claiming.claim_due(mine, "birthday") == 5
        assert claiming.claim_due(theirs, "birthday") == 0
    world.minute()
    world.tick(other)
    other.close()
    assert len(hook.requests) == 5


def test_a_claim_whose_tick_died_before_sending_goes_out_with_the_next_tick(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    with world.ctx.transaction() as db:
        claiming.kinds(db)
        assert claiming.claim_due(db, "birthday") == 1
    world.minute()
    assert len(hook.requests) == 1


def test_a_tick_that_dies_between_sending_and_marking_sends_the_chunk_twice_and_the_greeting_once(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(chunks, "mark_sent", die)
        with pytest.raises(KeyboardInterrupt):
            world.tick()
    world.tick()
    assert len(world.ctx.queues["bday-messages"]) == 2
    world.deliver()
    assert len(hook.requests) == 1


def test_a_message_that_was_lost_is_sent_again_after_two_visibility_timeouts(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    world.ctx.queues["bday-messages"].clear()
    world.minute()
    assert hook.requests == []
    world.admin.execute("update birthday.chunks set sent_at = clock_timestamp() - interval '7 minutes'")
    world.minute()
    assert len(hook.requests) == 1


def test_a_message_that_comes_twice_while_its_chunk_is_leased_is_left_alone(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    (message,) = world.ctx.queues["bday-messages"]
    other = world.another_context()

    def meanwhile(_: Any) -> Reply:
        worker.deliver(batch_of(message), other)
        return Reply()

    hook.answer = meanwhile
    world.deliver()
    assert other.said("chunk.not_ours")
    assert len(hook.requests) == 1
    other.close()


def test_a_worker_that_lost_its_lease_records_nothing(world: World, hook: Receiver) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    (message,) = world.ctx.queues["bday-messages"]
    other = world.another_context()

    def overtaken(_: Any) -> Reply:
        hook.always(200)
        world.admin.execute("update birthday.chunks set leased_until = clock_timestamp() - interval '1 s'")
        worker.deliver(batch_of(message), other)
        return Reply(500)

    hook.answer = overtaken
    world.deliver()
    assert world.ctx.said("chunk.lost_to_another")
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]
    assert world.count("lamppost.attempts") == 1
    other.close()


def test_a_worker_that_wakes_up_late_leaves_the_record_to_the_one_that_holds_the_chunk(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    chunk = world.ctx.queues["bday-messages"][0]["chunk"]

    def overtaken(_: Any) -> Reply:
        world.admin.execute("update birthday.chunks set leased_until = clock_timestamp() - interval '1 s'")
        with other.transaction() as db:
            assert chunks.lease(db, chunk, seconds=60) is not None
        return Reply(500)

    hook.answer = overtaken
    other = world.another_context()
    world.deliver()
    other.close()
    assert world.ctx.said("chunk.lost_to_another")
    assert world.greetings() == [(2025, "claimed", 0)]
    assert (world.count("lamppost.attempts"), world.count("chunks")) == (0, 1)


def test_a_worker_that_dies_after_posting_repeats_the_greeting_under_the_same_id(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(settling, "settle_first", die)
        with pytest.raises(KeyboardInterrupt):
            world.deliver()
    world.minute()
    assert len(hook.requests) == 1, "the lease still runs"
    world.admin.execute("update birthday.chunks set leased_until = clock_timestamp() - interval '1 s'")
    world.minute()
    first, second = hook.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]


def test_five_failures_make_a_dead_letter_and_next_year_still_comes(world: World, hook: Receiver) -> None:
    person = world.create()
    hook.always(500)
    world.now_is(NINE_IN_NEW_YORK)
    for _ in range(5):
        world.minute()
        world.pass_time(timedelta(hours=3))
    world.minute()
    assert len(hook.requests) == 5
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    assert len({request.body for request in hook.requests}) == 1
    assert world.greetings() == [(2025, "dead", 5), (2026, "waiting", 0)]
    (letter,) = world.ctx.queues["bday-messages-dlq"]
    assert letter == {
        "message": "Hey, John Doe it's your birthday",
        "userId": person["id"],
        "eventId": str(world.greetings("id")[0][0]),
        "timestamp": "2025-03-15T13:00:00Z",
        "reason": "no success in 5 tries; the last: status 500",
        "attempts": 5,
    }
    assert world.count("letters") == 0


def nearly_dead(world: World) -> None:
    """Four tries fail."""
    for _ in range(4):
        world.minute()
        world.pass_time(timedelta(hours=3))


def test_a_dead_letter_that_was_not_sent_goes_out_with_the_next_tick(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.create()
    hook.always(503)
    world.now_is(NINE_IN_NEW_YORK)
    nearly_dead(world)
    world.tick()

    def die(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(outbox, "relay_letters", die)
        with pytest.raises(KeyboardInterrupt):
            world.deliver()
    assert world.ctx.queues["bday-messages-dlq"] == []
    world.tick()
    assert len(world.ctx.queues["bday-messages-dlq"]) == 1


def test_a_redriven_letter_gets_its_attempts_back_and_is_delivered_once(world: World, hook: Receiver) -> None:
    world.create()
    hook.always(500)
    world.now_is(NINE_IN_NEW_YORK)
    nearly_dead(world)
    world.minute()
    (letter,) = world.ctx.queues["bday-messages-dlq"]
    hook.always(200)
    hook.requests.clear()
    world.ctx.queues["bday-messages"] += [letter, letter]
    world.deliver()
    world.minute()
    assert len(hook.requests) == 1
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]


def test_a_failed_greeting_is_retried_alone_while_its_neighbours_are_done(
    world: World, hook: Receiver
) -> None:
    for name in ("Ada", "Bob", "Cyd"):
        world.create(firstName=name)
    hook.answer = lambda request: Reply(500 if b"Bob" in request.body else 200)
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    world.pass_time(timedelta(seconds=4))
    world.minute()
    assert len(hook.requests) == 3
    world.pass_time(timedelta(seconds=3))
    world.minute()
    assert len(hook.requests) == 4
    assert b"Bob" in hook.requests[3].body


def test_a_receiver_that_asks_for_patience_gets_it(world: World, hook: Receiver) -> None:
    world.create()
    hook.always(429, retry_after="600")
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    world.pass_time(timedelta(minutes=9))
    world.minute()
    assert len(hook.requests) == 1
    world.pass_time(timedelta(minutes=2))
    world.minute()
    assert len(hook.requests) == 2


def test_an_endpoint_that_is_gone_costs_nobody_a_greeting(world: World, hook: Receiver) -> None:
    for _ in range(3):
        world.create()
    hook.always(410)
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    assert len(hook.requests) == 3
    for _ in range(8):
        world.tick()
        assert len(world.ctx.queues["bday-messages"]) == 1
        world.deliver()
    assert len(hook.requests) == 3, "nothing more is posted to it"
    assert world.greetings()[0] == (2025, "claimed", 0)
    hook.always(200)
    world.ctx.parameters["/bday/webhook-url"] = hook.url + "/new"
    world.minute()
    world.minute()
    assert [request.path for request in hook.requests[3:]] == ["/hook/new"] * 3
    assert world.count("pause") == 0


@pytest.mark.parametrize(
    "setting", [None, "https://10.0.0.1/hook", "http://hooks.example.com/hook", "hooks.example.com"]
)
def test_without_a_usable_url_greetings_wait_and_the_log_says_why(
    world: World, hook: Receiver, setting: str | None
) -> None:
    world.create()
    world.ctx.parameters.pop("/bday/webhook-url")
    if setting is not None:
        world.ctx.parameters["/bday/webhook-url"] = setting
    world.now_is(NINE_IN_NEW_YORK)
    for _ in range(7):
        world.minute()
    assert world.ctx.said("webhook.unusable")[0]["fix"]
    assert world.greetings() == [(2025, "claimed", 0)]
    world.ctx.parameters["/bday/webhook-url"] = hook.url
    world.minute()
    assert len(hook.requests) == 1


def test_the_name_is_the_one_of_the_moment_of_sending(world: World, hook: Receiver) -> None:
    person = world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    world.update(person["id"], firstName="Jane")
    world.deliver()
    assert json.loads(hook.requests[0].body)["message"] == "Hey, Jane Doe it's your birthday"


def test_whoever_is_deleted_before_the_post_is_not_greeted(world: World, hook: Receiver) -> None:
    gone, stays = world.create(firstName="Ada"), world.create(firstName="Bob")
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    world.delete(gone["id"])
    world.deliver()
    (request,) = hook.requests
    assert json.loads(request.body)["userId"] == stays["id"]
    assert world.count("chunks") == 0


def test_whoever_is_deleted_during_the_post_leaves_nothing_behind(world: World, hook: Receiver) -> None:
    gone, _ = world.create(firstName="Ada"), world.create(firstName="Bob")
    other = world.another_context()

    def meanwhile(request: Any) -> Reply:
        if b"Ada" in request.body:
            with other.transaction() as db:
                db.execute("delete from birthday.people where id = %s", (gone["id"],))
        return Reply()

    hook.answer = meanwhile
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    other.close()
    assert world.greetings() == [(2025, "delivered", 1), (2026, "waiting", 0)]
    assert world.count("chunks") == 0


def test_after_an_outage_everything_goes_out_oldest_first_and_is_marked_late(
    world: World, hook: Receiver
) -> None:
    people = [
        world.create(timezone="America/Los_Angeles"),
        world.create(timezone="Asia/Tokyo", dateOfBirth="1990-03-16"),
    ]
    world.now_is("2025-03-18T13:00:00Z")
    with world.ctx.transaction() as db:
        claiming.kinds(db)
        assert claiming.claim_due(db, "birthday", limit=1) == 1
    world.tick()
    world.deliver()
    zones = {person["id"]: person["timezone"] for person in people}
    order = [zones[json.loads(request.body)["userId"]] for request in hook.requests]
    assert order == ["America/Los_Angeles", "Asia/Tokyo"]
    assert [line["late"] for line in world.ctx.said("greetings.sent")] == [1, 1]
    late = world.greetings("lateness")
    assert all(row[0] is None or row[0] > timedelta(days=2) for row in late)


def test_what_there_is_no_time_to_begin_becomes_a_chunk_of_its_own(
    world: World, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    whole = sending.send

    def only_the_first(posts: Any, **how: Any) -> Any:
        return [*whole(posts[:1], **how), None, None]

    with monkeypatch.context() as slow:
        slow.setattr(sending, "send", only_the_first)
        world.deliver()
    assert len(hook.requests) == 1
    world.minute()
    assert len(hook.requests) == 3
    assert sorted(row[1] for row in world.greetings() if row[0] == 2025) == ["delivered"] * 3


def test_a_batch_that_runs_out_of_time_leaves_its_chunks_to_another_worker(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    world.ctx.left = timedelta(seconds=15)
    batch = world.deliver()
    assert hook.requests == []
    assert batch.failed == {}
    world.ctx.left = timedelta(seconds=30)
    world.deliver()
    assert len(hook.requests) == 1


def test_a_chunk_that_goes_round_too_often_waits_for_the_next_tick(world: World, hook: Receiver) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    world.ctx.left = timedelta(seconds=15)
    rounds = 0
    while world.ctx.queues["bday-messages"]:
        world.deliver()
        rounds += 1
    assert rounds == worker.ROUNDS + 1, "half of what Lambda allows"
    world.ctx.left = timedelta(seconds=30)
    world.minute()
    assert len(hook.requests) == 1


def test_a_chunk_that_kills_five_workers_is_buried_and_next_year_still_comes(
    world: World, hook: Receiver
) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    for _ in range(5):
        chunk = world.ctx.queues["bday-messages"][-1]["chunk"]
        with world.ctx.transaction() as db:
            assert chunks.lease(db, chunk, seconds=-1) is not None
        world.tick()
    assert world.greetings() == [(2025, "dead", 1), (2026, "waiting", 0)]
    (letter,) = world.ctx.queues["bday-messages-dlq"]
    assert letter["reason"] == "5 workers died while sending its chunk"


def test_in_a_chunk_that_kills_workers_only_whoever_kills_them_is_buried(
    world: World, hook: Receiver
) -> None:
    deadly, *neighbours = (world.create(firstName=f"P{n}")["id"] for n in range(23))
    world.now_is(NINE_IN_NEW_YORK)
    world.tick()
    lives = 0
    while world.count("chunks"):
        for chunk, members in world.admin.execute(
            "select id, members::text[] from birthday.chunks"
        ).fetchall():
            if deadly in members:
                lives += 1
                with world.ctx.transaction() as db:
                    assert chunks.lease(db, chunk, seconds=-1) is not None
            else:
                worker.deliver(batch_of({"chunk": str(chunk)}), world.ctx)
        world.tick()
    dead = world.admin.execute(
        "select person_id::text from birthday.greetings where status = 'dead'"
    ).fetchall()
    assert dead == [(deadly,)]
    assert {json.loads(request.body)["userId"] for request in hook.requests} == set(neighbours)
    assert len(hook.requests) == len(neighbours)
    # 23, then 2 or 3, then 1.
    assert lives == 3 * chunks.LEASES


def test_a_tick_stops_claiming_well_before_its_timeout(world: World) -> None:
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.ctx.left = timedelta(seconds=10)
    world.tick()
    assert world.greetings() == [(2025, "waiting", 0)]


def test_neither_names_nor_secrets_nor_the_url_reach_the_log(world: World, hook: Receiver) -> None:
    world.create(firstName="Zebulon")
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    log = json.dumps(world.ctx.lines)
    assert "Zebulon" not in log
    assert SIGNING_SECRET not in log
    assert hook.url not in log
