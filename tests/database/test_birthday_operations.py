"""What whoever is on call asks of the greetings: again, stop, how many, and why."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.birthday import operations
from services.birthday.store import replaying
from tests.birthday import World
from tests.receiver import Receiver, Reply

NINE = "2025-03-15T13:00:00Z"


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world("2025-03-15T12:00:00Z")


def ask(world: World, action: str, **given: Any) -> Any:
    """The answer as the wire would carry it."""
    said = json.loads(json.dumps(operations.operate({"action": action, **given}, world.ctx)))
    assert "refused" not in said, said
    return said


def refused(world: World, event: Any) -> str:
    code: str = operations.operate(event, world.ctx)["refused"]["code"]
    return code


def die(world: World, hook: Receiver, people: int = 1, status: int = 500) -> list[str]:
    """Greetings whose five attempts are over; their ids, in the order of creation."""
    created = [world.create(firstName=f"P{n}")["id"] for n in range(people)]
    hook.always(status)
    world.now_is(NINE)
    for _ in range(5):
        world.minute()
        world.pass_time(timedelta(hours=3))
    found = dict(world.admin.execute("select person_id::text, id::text from birthday.greetings").fetchall())
    assert world.greetings("distinct on (person_id) status")[0] == ("dead",)
    return [found[person] for person in created]


def ids(hook: Receiver) -> Counter[str]:
    return Counter(request.headers["webhook-id"] for request in hook.requests)


def test_a_dead_greeting_goes_out_again_with_its_webhook_id(world: World, hook: Receiver) -> None:
    (greeting,) = die(world, hook)
    hook.always(200)
    assert ask(world, "replay", delivery=greeting)["replayed"] == 1
    world.deliver()  # nobody waits for the next tick
    assert world.greetings("year, status, attempts") == [(2025, "delivered", 1), (2026, "waiting", 0)]
    assert ids(hook) == {"msg_" + greeting.replace("-", ""): 6}


def test_a_webhook_id_names_a_greeting_too(world: World, hook: Receiver) -> None:
    (greeting,) = die(world, hook)
    assert ask(world, "replay", delivery="msg_" + greeting.replace("-", ""))["replayed"] == 1


def test_what_arrived_is_not_sent_again_unless_that_is_said(world: World, hook: Receiver) -> None:
    world.create()
    world.now_is(NINE)
    world.minute()
    (greeting,) = world.admin.execute("select id::text from birthday.greetings").fetchall()[0]
    span = {"since": "2025-03-15T00:00:00Z", "until": "2025-03-16T00:00:00Z"}
    for pick in ({"delivery": greeting}, span):
        assert ask(world, "replay", **pick)["replayed"] == 0
    assert ask(world, "replay", **span, delivered=True)["replayed"] == 1
    world.deliver()
    assert ids(hook) == {"msg_" + greeting.replace("-", ""): 2}


def test_a_dry_run_counts_by_reason_and_changes_nothing(world: World, hook: Receiver) -> None:
    die(world, hook, people=2, status=503)
    hook.always(200)
    world.create(firstName="Late", dateOfBirth="1990-03-16")
    world.now_is("2025-03-16T13:00:00Z")
    world.minute()
    world.create(firstName="Fresh", dateOfBirth="1990-03-17")
    world.now_is("2025-03-17T13:00:00Z")
    before = world.greetings("id, status, attempts")
    said = ask(world, "replay", since="2025-03-15T00:00:00Z", until="2025-03-18T00:00:00Z", dry_run=True)
    assert said["replayed"] == 2
    assert said["counts"] == [
        {"count": 2, "status": "dead", "why": "status 503", "replay": True},
        {"count": 1, "status": "delivered", "why": "arrived", "replay": False},
        {"count": 1, "status": "waiting", "why": "not tried yet", "replay": False},
    ]
    assert world.greetings("id, status, attempts") == before


def test_a_run_of_requests_meets_each_once_even_if_all_die_again(world: World, hook: Receiver) -> None:
    die(world, hook, people=5)
    first = ask(world, "replay", failed_since="2025-03-15T00:00:00Z", limit=2)
    asked = {"failed_since": "2025-03-15T00:00:00Z", "limit": 2, "before": first["before"]}
    assert ask(world, "replay", **asked)["replayed"] == 2
    for _ in range(6):
        world.minute()
        world.pass_time(timedelta(hours=3))
    assert ask(world, "replay", **asked)["replayed"] == 1
    assert ask(world, "replay", **asked)["replayed"] == 0
    assert ask(world, "replay", failed_since="2025-03-15T00:00:00Z", limit=10)["replayed"] == 4


def test_two_operators_at_once_send_nothing_twice(world: World, hook: Receiver) -> None:
    die(world, hook, people=5)
    other = world.another_context()
    pick = replaying.Pick(failed_since=datetime(2025, 3, 1, tzinfo=UTC))
    with other.transaction() as db:
        replayed = replaying.replay(db, pick, states=["dead"], before=replaying.now(db), limit=2)
        assert replayed == 2
        assert ask(world, "replay", failed_since="2025-03-01T00:00:00Z", limit=10)["replayed"] == 3
    other.close()
    assert ask(world, "replay", failed_since="2025-03-01T00:00:00Z", limit=10)["replayed"] == 0


def test_only_what_died_since_is_meant(world: World, hook: Receiver) -> None:
    die(world, hook, people=2)
    assert ask(world, "replay", failed_since="2025-03-20T00:00:00Z")["replayed"] == 0


def test_a_letter_that_was_not_sent_yet_is_dropped_with_the_replay(world: World, hook: Receiver) -> None:
    (greeting,) = die(world, hook)
    world.admin.execute("insert into birthday.letters (greeting_id, reason) values (%s, 'x')", (greeting,))
    ask(world, "replay", delivery=greeting)
    assert world.count("letters") == 0


def test_a_pause_holds_everything_until_it_is_resumed_and_then_it_goes_out_late(
    world: World, hook: Receiver
) -> None:
    world.create()
    said = ask(world, "pause", why="their deploy", who="kim")
    assert (said["paused"], said["who"], said["why"], said["changed"]) == (True, "kim", "their deploy", False)
    world.now_is(NINE)
    for _ in range(3):
        world.minute()
        world.pass_time(timedelta(hours=1))
    assert hook.requests == []
    assert ask(world, "state")["waiting"] == 1

    world.ctx.parameters["/bday/webhook-url"] = hook.url + "/elsewhere"
    world.minute()
    assert hook.requests == [], "another URL does not end what a person began"
    assert ask(world, "state")["changed"] is True

    assert ask(world, "resume", who="kim")["paused"] is False
    world.deliver()
    assert len(hook.requests) == 1
    ((lateness,),) = world.admin.execute("select lateness from birthday.greetings").fetchall()
    assert lateness > timedelta(hours=3)
    assert world.ctx.said("greetings.sent")[0]["late"] == 1


def test_a_chunk_that_was_on_the_queue_when_the_pause_came_waits_too(world: World, hook: Receiver) -> None:
    world.create()
    world.now_is(NINE)
    world.tick()
    ask(world, "pause", why="their deploy", who="kim")
    world.deliver()
    assert hook.requests == []
    ask(world, "resume", who="kim")
    world.deliver()
    assert len(hook.requests) == 1


def test_the_worker_does_not_take_over_a_persons_pause(world: World, hook: Receiver) -> None:
    """A worker that was posting when the pause came may still be told 410."""
    world.create()

    def pause(_: Any) -> Reply:
        other = world.another_context()
        operations.operate({"action": "pause", "why": "their deploy", "who": "kim"}, other)
        other.close()
        return Reply(410)

    hook.answer = pause
    world.now_is(NINE)
    world.minute()
    said = ask(world, "state")
    assert (said["who"], said["why"]) == ("kim", "their deploy")


def test_a_person_may_end_the_workers_pause(world: World, hook: Receiver) -> None:
    world.create()
    hook.always(410)
    world.now_is(NINE)
    world.minute()
    assert ask(world, "state")["why"] == "it answered 410 Gone"
    hook.always(200)
    ask(world, "resume", who="kim")
    world.deliver()
    assert world.greetings("status")[0] == ("delivered",)


def test_the_ledger_is_exact_at_every_step(world: World, hook: Receiver) -> None:
    for name in ("A", "B", "C"):
        world.create(firstName=name)
    world.now_is(NINE)
    span = {"since": NINE, "until": "2025-03-15T13:01:00Z"}

    def line() -> dict[str, Any]:
        book = ask(world, "ledger", **span)
        (minute,) = book["minutes"]
        assert {**minute, "at": None} == book["total"]
        assert minute["due"] == sum(
            minute[part] for part in ("delivered", "dead", "retrying", "claimed", "waiting")
        )
        return {part: count for part, count in minute.items() if count and part not in ("at", "due")}

    world.pass_time(timedelta(minutes=2))
    assert line() == {"waiting": 3}
    world.tick()
    assert line() == {"claimed": 3}
    statuses = iter([200, 500, 500])
    hook.answer = lambda _: Reply(next(statuses))
    world.deliver()
    found = line()
    assert (found["delivered"], found["retrying"]) == (1, 2)
    assert found["p50_s"] == found["p99_s"] >= 120
    world.pass_time(timedelta(minutes=1))
    world.tick()
    assert line()["retrying"] == 2
    hook.always(500)
    world.deliver()
    for _ in range(4):
        world.pass_time(timedelta(hours=3))
        world.minute()
    found = line()
    assert (found["delivered"], found["dead"]) == (1, 2)


def test_what_is_not_due_yet_is_not_in_the_ledger(world: World) -> None:
    world.create()
    book = ask(world, "ledger", since="2025-03-15T00:00:00Z", until="2025-03-16T00:00:00Z")
    assert (book["total"]["due"], book["minutes"]) == (0, [])


def test_a_ledger_longer_than_asked_for_says_where_it_goes_on(world: World) -> None:
    for zone in ("America/New_York", "America/Chicago", "America/Denver"):
        world.create(timezone=zone)
    world.now_is("2025-03-15T18:00:00Z")
    book = ask(world, "ledger", since=NINE, until="2025-03-15T18:00:00Z", limit=2)
    assert ([each["at"] for each in book["minutes"]], book["more"]) == (
        ["2025-03-15T13:00:00Z", "2025-03-15T14:00:00Z"],
        "2025-03-15T15:00:00Z",
    )
    assert book["total"]["due"] == 3


def test_the_attempts_of_a_person_are_told_with_what_came_back(world: World, hook: Receiver) -> None:
    person = world.create()["id"]
    replies = iter([Reply(500, body=b"<h1>\xff down"), Reply(200)])
    hook.answer = lambda _: next(replies)
    world.now_is(NINE)
    world.minute()
    world.pass_time(timedelta(minutes=1))
    world.minute()
    said = ask(world, "attempts", of=person)
    assert [(each["attempt"], each["status"], each["head"]) for each in said["attempts"]] == [
        (1, 500, "<h1>\ufffd down"),
        (2, 200, "ok"),
    ]
    (delivery,) = said["deliveries"]
    assert delivery["status"] == "delivered"
    assert delivery["why"].startswith("status 200, ")
    assert ask(world, "attempts", of=delivery["id"]) == said


def test_the_list_shows_the_latest_and_says_if_there_are_more(world: World, hook: Receiver) -> None:
    died = die(world, hook, people=3)
    said = ask(world, "list", status="dead", limit=2)
    assert (len(said["deliveries"]), said["more"]) == (2, True)
    assert {each["id"] for each in said["deliveries"]} <= set(died)
    assert said["deliveries"][0]["why"] == "no success in 5 tries, the last: status 500"
    assert ask(world, "list", status="delivered")["deliveries"] == []


def test_why_a_greeting_has_not_gone_out_is_told_at_every_step(world: World, hook: Receiver) -> None:
    person = world.create()["id"]

    def why() -> list[tuple[str, str]]:
        return [(each["status"], each["why"]) for each in ask(world, "explain", person=person)["deliveries"]]

    assert why() == []
    world.now_is(NINE)
    assert why() == [("waiting", "due, and not claimed yet: the scheduler's next tick does it")]
    world.tick()
    assert why() == [("claimed", "in a chunk on its way to a worker")]
    ask(world, "pause", why="their deploy", who="kim")
    assert why()[0][1].endswith("; sending is paused by kim: their deploy")
    ask(world, "resume", who="kim")
    hook.always(503)
    world.deliver()
    ((status, said),) = why()
    assert status == "waiting"
    assert said.startswith("try 1 of 5: status 503; next at 2025-03-15T13:00:")


def test_the_next_instants_are_told_with_their_reasons(world: World) -> None:
    person = world.create(dateOfBirth="1992-02-29", timezone="Europe/London")["id"]
    (day,) = ask(world, "explain", person=person, count=4)["days"]
    assert [(each["at"], each["offset"]) for each in day["instants"]] == [
        ("2026-03-01T09:00:00Z", "+00:00"),
        ("2027-03-01T09:00:00Z", "+00:00"),
        ("2028-02-29T09:00:00Z", "+00:00"),
        ("2029-03-01T09:00:00Z", "+00:00"),
    ]
    assert day["instants"][0]["why"] == ["2026 has no 29 February: leap day is march-1"]
    assert day["instants"][2]["why"] == ["29 February itself"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (None, "operation_malformed"),
        ([], "operation_malformed"),
        ({}, "operation_malformed"),
        ({"action": "drop"}, "operation_malformed"),
        ({"action": "ledger", "sinse": NINE}, "operation_malformed"),
        ({"action": "ledger", "since": "2025-03-15T13:00:00"}, "operation_malformed"),
        ({"action": "ledger", "since": NINE, "until": NINE}, "span_empty"),
        ({"action": "ledger", "limit": 0}, "operation_malformed"),
        ({"action": "explain", "person": "ada"}, "operation_malformed"),
        ({"action": "explain", "person": "00000000-0000-4000-8000-000000000000"}, "person_unknown"),
        ({"action": "attempts", "of": "';drop table"}, "id_malformed"),
        ({"action": "attempts", "of": "00000000-0000-4000-8000-000000000000"}, "delivery_unknown"),
        ({"action": "list", "status": "lost"}, "status_unknown"),
        ({"action": "replay"}, "replay_unclear"),
        ({"action": "replay", "since": NINE}, "replay_unclear"),
        ({"action": "replay", "since": NINE, "until": NINE}, "replay_unclear"),
        ({"action": "replay", "delivery": "x", "failed_since": NINE}, "replay_unclear"),
        ({"action": "replay", "failed_since": NINE, "delivered": True}, "replay_unclear"),
        ({"action": "replay", "delivery": "00000000-0000-4000-8000-000000000000"}, "delivery_unknown"),
        ({"action": "replay", "failed_since": NINE, "limit": 100_000}, "operation_malformed"),
        ({"action": "pause", "why": "", "who": "kim"}, "operation_malformed"),
        ({"action": "pause", "why": "x" * 201, "who": "kim"}, "operation_malformed"),
    ],
)
def test_what_is_no_request_is_refused_in_words(world: World, event: Any, code: str) -> None:
    assert refused(world, event) == code


def test_a_zones_change_of_offset_is_named(world: World) -> None:
    """The United Kingdom turns its clocks on the last Sunday of March: in 2027 that is the 28th."""
    person = world.create(dateOfBirth="1990-03-28", timezone="Europe/London")["id"]
    (day,) = ask(world, "explain", person=person, count=4)["days"]
    assert [(each["year"], each["offset"], each["why"]) for each in day["instants"]] == [
        (2025, "+00:00", []),
        (2026, "+00:00", []),
        (2027, "+01:00", ["UTC+01:00, the year before UTC+00:00"]),
        (2028, "+01:00", []),
    ]
