"""kill -9 at each step from due to recorded: nothing is lost, and a repeat has the same webhook-id."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.birthday import World
from tests.database.birthday_crash import POINTS
from tests.receiver import Receiver, Reply

PEOPLE = 3


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    here = new_world("2025-03-15T12:00:00Z")
    for name in ("Ada", "Bob", "Cyd"):
        here.create(firstName=name)
    here.now_is("2025-03-15T13:00:00Z")
    return here


def child(world: World, hook: Receiver, queue: Path, point: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "tests.database.birthday_crash",
        world.database.app,
        hook.url,
        str(queue),
    ]
    return subprocess.Popen([*command, point])


def recover(world: World, queue: Path) -> None:
    """What is on the queue arrives, leases run out, ticks go on."""
    if queue.exists():
        lines = [json.loads(line) for line in queue.read_bytes().splitlines()]
        world.ctx.queues["bday-messages"] += [body for name, body in lines if name == "bday-messages"]
    mine = [world.admin.info.backend_pid, world.ctx.backend_pid()]
    others = "select from pg_stat_activity where datname = current_database() and pid <> all(%s)"
    while world.admin.execute(others, (mine,)).fetchall():
        pass  # the server is still rolling the dead client back
    world.admin.execute("update birthday.chunks set leased_until = clock_timestamp() - interval '1 s'")
    world.minute()
    world.minute()


def check(world: World, hook: Receiver, at_most: int) -> None:
    assert world.greetings("year, status") == [(2025, "delivered"), (2026, "waiting")] * PEOPLE
    assert (world.count("chunks"), world.count("lamppost.attempts")) == (0, PEOPLE)
    ids = [request.headers["webhook-id"] for request in hook.requests]
    assert len(set(ids)) == PEOPLE
    assert max(ids.count(each) for each in ids) <= at_most


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_loses_nothing_and_repeats_at_most_once(
    world: World, hook: Receiver, tmp_path: Path, point: str
) -> None:
    queue = tmp_path / "queue"
    assert child(world, hook, queue, point).wait(timeout=30) == -signal.SIGKILL
    recover(world, queue)
    posted_before = point in ("after the posts, before the record", "after the record, before its commit")
    check(world, hook, at_most=2 if posted_before else 1)


def test_a_kill_in_the_middle_of_a_post_loses_nothing(world: World, hook: Receiver, tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    running: list[subprocess.Popen[bytes]] = []

    def kill(_: Any) -> Reply:
        os.kill(running[0].pid, signal.SIGKILL)
        return Reply()

    hook.answer = kill
    running.append(child(world, hook, queue, "after the record"))
    assert running[0].wait(timeout=30) == -signal.SIGKILL
    hook.always(200)
    recover(world, queue)
    check(world, hook, at_most=2)
