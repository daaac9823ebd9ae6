"""Other yearly days: a row says what is said and when, and no code knows them by name."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from lamppost.delivery import attempts
from lamppost.errors import CallerError
from services.birthday import api, days
from tests.birthday import World, refused
from tests.receiver import Receiver
from tests.running import until


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    here = new_world("2025-03-01T00:00:00Z")
    here.admin.execute(
        "insert into birthday.kinds (name, at, message)"
        " values ('anniversary', '18:30', '{years} years, {firstName}! 100 % {lastName}')"
    )
    return here


def put(world: World, person: str, kind: str, **body: str) -> Any:
    given = msgspec.convert(body, days.NewDay)
    return json.loads(msgspec.json.encode(api.put_date(UUID(person), kind, given, world.ctx)))


def test_an_anniversary_is_greeted_at_its_hour_in_its_words(world: World, hook: Receiver) -> None:
    person = world.create(firstName="{lastName}")["id"]
    assert put(world, person, "anniversary", date="2015-03-10") == {
        "kind": "anniversary",
        "date": "2015-03-10",
        "leapDay": "march-1",
        "nextGreetingAt": "2025-03-10T22:30:00Z",
    }
    assert world.get(person)["nextGreetingAt"] == "2025-03-10T22:30:00Z"
    world.now_is("2025-03-10T22:30:00Z")
    world.minute()
    assert json.loads(hook.requests[0].body)["message"] == "10 years, {lastName}! 100 % Doe"
    world.now_is("2025-03-15T13:00:00Z")
    world.minute()
    assert json.loads(hook.requests[1].body)["message"] == "Hey, {lastName} Doe it's your birthday"
    assert sorted(world.greetings("kind, year, status")) == [
        ("anniversary", 2025, "delivered"),
        ("anniversary", 2026, "waiting"),
        ("birthday", 2025, "delivered"),
        ("birthday", 2026, "waiting"),
    ]


def test_two_kinds_of_one_minute_are_two_greetings_with_an_id_each(world: World, hook: Receiver) -> None:
    world.admin.execute("update birthday.kinds set at = '09:00'")
    person = world.create()["id"]
    put(world, person, "anniversary", date="2015-03-15")
    world.now_is("2025-03-15T13:00:00Z")
    world.minute()
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 2


def test_a_day_can_be_changed_and_moves_with_the_person(world: World) -> None:
    person = world.create()["id"]
    put(world, person, "anniversary", date="2016-02-29", leapDay="february-28")
    assert put(world, person, "anniversary", date="2016-04-01")["leapDay"] == "february-28"
    world.update(person, timezone="Asia/Tokyo")
    assert sorted(world.greetings("kind, wall::text, zone")) == [
        ("anniversary", "2025-04-01 18:30:00", "Asia/Tokyo"),
        ("birthday", "2025-03-15 09:00:00", "Asia/Tokyo"),
    ]


@pytest.mark.parametrize(
    ("person", "kind", "date", "expected"),
    [
        (None, "wedding", "2015-03-10", (404, "KIND_NOT_FOUND", "")),
        (None, "birthday", "2015-03-10", (409, "BIRTHDAY_FOLLOWS", "")),
        (None, "anniversary", "2015-02-30", (422, "invalid_date", "date")),
        (None, "anniversary", "2099-01-01", (422, "invalid_date", "date")),
        ("00000000-0000-4000-8000-000000000000", "anniversary", "2015-03-10", (404, "USER_NOT_FOUND", "")),
    ],
)
def test_a_day_that_makes_no_sense_is_refused_and_not_stored(
    world: World, person: str | None, kind: str, date: str, expected: tuple[int, str, str]
) -> None:
    known = world.create()["id"]
    with pytest.raises(CallerError) as caught:
        put(world, person or known, kind, date=date)
    assert refused(caught.value) == expected
    assert world.count("dates") == 1


def test_every_attempt_is_logged_with_what_the_receiver_said(world: World, hook: Receiver) -> None:
    world.create()
    hook.always(503)
    world.now_is("2025-03-15T13:00:00Z")
    world.minute()
    hook.always(200)
    world.pass_time(timedelta(hours=1))
    world.minute()
    (event,) = {
        row[0]
        for row in world.greetings("id")
        if world.admin.execute("select from birthday.greetings where id = %s", (row[0],)).fetchall()
    }
    rows = world.admin.execute(
        "select message_id, attempt, status, error, service from lamppost.attempts order by attempt"
    ).fetchall()
    name = f"msg_{event.hex}"
    assert rows == [(name, 1, 503, None, "birthday"), (name, 2, 200, None, "birthday")]


def partitions(world: World) -> set[str]:
    rows = world.admin.execute(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'lamppost.attempts'::regclass"
    ).fetchall()
    return {row[0] for row in rows}


def test_attempts_have_a_partition_a_day_and_old_ones_go_as_a_whole(world: World) -> None:
    insert = (
        "insert into lamppost.attempts (made_at, at, service, message_id, attempt, latency_ms)"
        " values (now() - make_interval(days => %s), now(), 'x', 'msg_1', 1, 1)"
    )
    for age in (0, 3, 40):
        world.admin.execute(insert, (age,))
    attempts.keep(world.ctx, 30)
    assert len(partitions(world)) == 4
    assert world.count("lamppost.attempts_default") == 1, "of three days ago; today's moved, the oldest went"
    assert world.count("lamppost.attempts") == 2
    old = "create table lamppost.attempts_20200101 partition of lamppost.attempts"
    world.admin.execute(f"{old} for values from ('2020-01-01') to ('2020-01-02')")
    attempts.keep(world.ctx, 30)
    assert "lamppost.attempts_20200101" not in partitions(world)
    attempts.keep(world.ctx, 30)
    assert len(partitions(world)) == 4


def test_keeping_attempts_waits_for_nobody_who_writes_one(world: World) -> None:
    with world.database.connect(autocommit=False) as writer:
        attempts.record(writer, "birthday", [attempts.Attempt("msg_1", 1, attempts.Answer(500))])
        attempts.keep(world.ctx, 30)
        assert world.ctx.said("attempts.busy")
        writer.commit()
    attempts.keep(world.ctx, 30)
    assert world.count("lamppost.attempts") == 1


def test_who_writes_an_attempt_while_its_day_gets_a_partition_writes_it_there(world: World) -> None:
    def write() -> None:
        with world.database.connect(autocommit=False) as writer:
            attempts.record(writer, "birthday", [attempts.Attempt("msg_1", 1, attempts.Answer(500))])

    waits = (
        "select exists (select from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock')"
    )
    with world.database.connect(admin=True, autocommit=False) as keeper, ThreadPoolExecutor(1) as others:
        keeper.execute("select lamppost.attempts_keep(30)")
        written = others.submit(write)
        until(lambda: world.admin.execute(waits).fetchone() == (True,))
        keeper.commit()
        written.result(10)
    assert world.count("lamppost.attempts") == 1
    assert world.count("lamppost.attempts_default") == 0
