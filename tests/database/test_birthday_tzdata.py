"""Governments change their clocks after people registered: what lies ahead moves to where it belongs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.birthday import calendar, operations, shifting
from services.birthday.calendar import AT_NINE
from services.birthday.store import moving
from tests import older_zones
from tests.birthday import World
from tests.receiver import Receiver

HOUR = 3600.0


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world("2026-03-15T12:00:00Z")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> str:
    return older_zones.install(tmp_path_factory.mktemp("older"))


def person(zone: str, born: str = "1990-06-10") -> dict[str, str]:
    return {"firstName": "Ada", "lastName": "Lovelace", "dateOfBirth": born, "timezone": zone}


def operator(world: World, request: dict[str, Any], *point: str, path: str = "") -> Any:
    """What the request gets in a process of its own, or the code it died with."""
    command = [sys.executable, "-m", "tests.database.birthday_operator", world.database.app, "http://none/"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH")))),
    }
    done = subprocess.run(
        [*command, json.dumps(request), *point],
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    if done.returncode:
        return done.returncode
    return json.loads(done.stdout) if done.stdout else None


def register(world: World, older: str, *people: dict[str, str]) -> None:
    """People who were registered while the older release was installed."""
    assert operator(world, {"action": "create", "people": people}, path=older) is None


def ask(world: World, action: str = "tzdata", **given: Any) -> Any:
    said = json.loads(json.dumps(operations.operate({"action": action, **given}, world.ctx)))
    assert "refused" not in said, said
    return said


def dues(world: World) -> dict[str, set[tuple[datetime, str]]]:
    found: dict[str, set[tuple[datetime, str]]] = {}
    for zone, due, tzdata in world.admin.execute(
        "select zone, due_at, tzdata from birthday.dates"
    ).fetchall():
        found.setdefault(zone, set()).add((due.astimezone(UTC), tzdata))
    return found


def put(db: psycopg.Connection[Any], shift: shifting.Shift) -> int:
    return moving.move(db, shift.some, shift.wall, shift.due_at)


def test_what_moves_is_listed_by_zone_and_nothing_else_is(world: World, older: str) -> None:
    register(
        world,
        older,
        *[person("Asia/Almaty")] * 3,
        person("America/Asuncion"),
        person("America/Asuncion", "1990-12-10"),
        person("Europe/London"),
    )
    said = ask(world)
    assert (said["tzdata"], said["releases"], said["checked"]) == (calendar.TZDATA, ["2023d"], 6)
    assert (said["found"], said["moved"]) == (4, 0)
    assert said["moves"] == [
        {
            "zone": "America/Asuncion",
            "count": 1,
            "by_s": -HOUR,
            "wall": "2026-06-10T09:00:00",
            "old": "2026-06-10T13:00:00Z",
            "new": "2026-06-10T12:00:00Z",
        },
        {
            "zone": "Asia/Almaty",
            "count": 3,
            "by_s": HOUR,
            "wall": "2026-06-10T09:00:00",
            "old": "2026-06-10T03:00:00Z",
            "new": "2026-06-10T04:00:00Z",
        },
    ]
    assert {release for moves in dues(world).values() for _, release in moves} == {"2023d"}


def test_moved_occurrences_come_at_nine_of_the_new_clock(world: World, hook: Receiver, older: str) -> None:
    register(world, older, person("Asia/Almaty"), person("America/Asuncion"))
    assert ask(world, apply=True)["moved"] == 2
    assert ask(world, apply=True)["found"] == 0, "a second time there is nothing to do"
    for zone, moves in dues(world).items():
        ((due, release),) = moves
        assert (due.astimezone(calendar.zone(zone)).hour, release) == (9, calendar.TZDATA)
    world.now_is("2026-06-10T03:30:00Z")
    world.minute()
    assert hook.requests == [], "nine of the old clock is not it"
    world.now_is("2026-06-10T12:00:00Z")
    world.minute()
    world.minute()
    assert len(hook.requests) == 2
    assert world.greetings("year, status") == [(2026, "delivered"), (2027, "waiting")] * 2


def test_what_is_due_already_goes_out_as_it_is(world: World, hook: Receiver, older: str) -> None:
    register(world, older, person("Asia/Almaty"))
    world.now_is("2026-06-10T03:30:00Z")
    world.tick()
    said = ask(world, apply=True)
    assert (said["checked"], said["moved"]) == (0, 0)
    world.deliver()
    assert len(hook.requests) == 1


def test_what_a_move_puts_into_the_past_goes_out_at_once_and_once(
    world: World, hook: Receiver, older: str
) -> None:
    register(world, older, person("America/Asuncion"))
    world.now_is("2026-06-10T12:30:00Z")
    world.minute()
    assert hook.requests == []
    assert ask(world, apply=True)["moved"] == 1
    world.minute()
    world.now_is("2026-06-10T13:00:00Z")
    world.minute()
    assert len(hook.requests) == 1


def test_a_claim_that_falls_into_the_move_sends_nothing_at_the_old_hour(
    world: World, hook: Receiver, older: str
) -> None:
    register(world, older, person("Asia/Almaty"))
    world.now_is("2026-06-10T02:59:00Z")
    other = world.another_context()
    with other.transaction() as db:
        found = shifting.shifts(moving.ahead(db), {"birthday": AT_NINE})
        assert put(db, found.moves[0]) == 1
        world.now_is("2026-06-10T03:00:00Z")
        world.tick()
        assert world.count("chunks") == 1, "the claim does not see the move yet"
    other.close()
    world.deliver()
    assert hook.requests == []
    world.now_is("2026-06-10T04:00:00Z")
    world.minute()
    assert len(hook.requests) == 1


def test_what_comes_due_between_the_look_and_the_move_stays(world: World, older: str) -> None:
    register(world, older, person("Asia/Almaty"))
    with world.ctx.transaction() as db:
        found = shifting.shifts(moving.ahead(db), {"birthday": AT_NINE})
    world.now_is("2026-06-10T03:00:00Z")
    with world.ctx.transaction() as db:
        assert put(db, found.moves[0]) == 0


def test_whoever_was_edited_meanwhile_is_left_alone(world: World, older: str) -> None:
    register(world, older, person("Asia/Almaty"))
    ((id_,),) = world.admin.execute("select id::text from birthday.people").fetchall()
    world.update(id_, timezone="Europe/London")
    assert ask(world, apply=True)["checked"] == 0
    assert list(dues(world)) == ["Europe/London"]


def test_a_zone_that_is_gone_is_named_and_its_people_keep_their_instants(world: World, older: str) -> None:
    register(world, older, person("Asia/Almaty"))
    world.admin.execute("update birthday.dates set zone = 'Mars/Olympus'")
    said = ask(world, apply=True)
    assert (said["unknown"], said["moved"], said["checked"]) == (["Mars/Olympus"], 0, 1)


def test_an_explanation_says_that_a_stored_instant_is_outdated(world: World, older: str) -> None:
    register(world, older, person("Asia/Almaty"))
    ((id_,),) = world.admin.execute("select id::text from birthday.people").fetchall()
    (day,) = ask(world, "explain", person=id_, count=2)["days"]
    first, second = day["instants"]
    assert first["at"] == "2026-06-10T03:00:00Z"
    assert first["why"][-1].startswith(
        f"computed with tzdata 2023d; {calendar.TZDATA} says 2026-06-10T04:00:00Z"
    )
    assert second["at"] == "2027-06-10T04:00:00Z"


def test_another_hour_of_a_kind_moves_what_lies_ahead_to_it(world: World, hook: Receiver) -> None:
    world.create(**person("America/New_York"))
    world.admin.execute("update birthday.kinds set at = '08:30', gap = 'before'")
    id_ = world.admin.execute("select id::text from birthday.people").fetchall()[0][0]
    (why,) = ask(world, "explain", person=id_, count=1)["days"][0]["instants"][0]["why"]
    assert why == "its kind's hour is 08:30 by now: lamppost schedule tzdata --apply"
    said = ask(world, apply=True)
    assert (said["found"], said["moved"], said["releases"]) == (1, 1, [])
    ((move),) = said["moves"]
    assert (move["by_s"], move["wall"], move["new"]) == (
        -HOUR / 2, "2026-06-10T09:00:00", "2026-06-10T12:30:00Z",
    )  # fmt: skip
    assert ask(world)["found"] == 0
    world.now_is("2026-06-10T12:30:00Z")
    world.minute()
    assert len(hook.requests) == 1
    assert world.greetings("year, status") == [(2026, "delivered"), (2027, "waiting")]


@pytest.mark.parametrize(
    ("point", "moved"),
    [
        ("after moving, before the commit", 0),
        ("after the first portion's commit", 2),
        ("after the second portion, before its commit", 2),
    ],
)
def test_a_kill_leaves_each_occurrence_in_one_place_and_the_next_run_finishes(
    world: World, older: str, point: str, moved: int
) -> None:
    register(world, older, *[person("Asia/Almaty")] * 5)
    assert operator(world, {"action": "tzdata", "apply": True}, point) == -signal.SIGKILL
    count = "select count(*)::int from birthday.dates where due_at = '2026-06-10T04:00:00Z' and tzdata = %s"
    mine = [world.admin.info.backend_pid, world.ctx.backend_pid()]
    others = "select from pg_stat_activity where datname = current_database() and pid <> all(%s)"
    while world.admin.execute(others, (mine,)).fetchall():
        pass  # the server is still rolling the dead client back
    assert world.admin.execute(count, (calendar.TZDATA,)).fetchall() == [(moved,)]
    assert operator(world, {"action": "tzdata", "apply": True})["moved"] == 5 - moved
    assert world.admin.execute(count, (calendar.TZDATA,)).fetchall() == [(5,)]
