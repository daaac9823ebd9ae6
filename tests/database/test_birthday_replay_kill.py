"""kill -9 at each step of a replay: another run finishes it, and nobody is posted to twice by it."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from services.birthday import operations
from tests.birthday import World
from tests.database.birthday_operator import POINTS
from tests.receiver import Receiver

PEOPLE = 5


@pytest.fixture
def world(new_world: Callable[[str], World], hook: Receiver) -> World:
    """Five greetings whose attempts are over."""
    here = new_world("2025-03-15T12:00:00Z")
    for number in range(PEOPLE):
        here.create(firstName=f"P{number}")
    hook.always(500)
    here.now_is("2025-03-15T13:00:00Z")
    for _ in range(5):
        here.minute()
        here.pass_time(timedelta(hours=3))
    hook.requests.clear()
    hook.always(200)
    return here


@pytest.mark.parametrize(
    "point", [point for point in POINTS if "mov" not in point and "portion" not in point]
)
def test_a_kill_loses_no_greeting_and_repeats_none(world: World, hook: Receiver, point: str) -> None:
    asked = {"action": "replay", "failed_since": "2025-03-01T00:00:00Z", "limit": 3}
    command = [sys.executable, "-m", "tests.database.birthday_operator", world.database.app, hook.url]
    done = subprocess.run([*command, json.dumps(asked), point], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    mine = [world.admin.info.backend_pid, world.ctx.backend_pid()]
    others = "select from pg_stat_activity where datname = current_database() and pid <> all(%s)"
    while world.admin.execute(others, (mine,)).fetchall():
        pass  # the server is still rolling the dead client back

    world.minute()
    operations.operate({**asked, "limit": 100}, world.ctx)
    world.deliver()
    world.minute()

    assert Counter(request.headers["webhook-id"] for request in hook.requests).most_common(1)[0][1] == 1
    assert len(hook.requests) == PEOPLE
    assert world.greetings("year, status") == [(2025, "delivered"), (2026, "waiting")] * PEOPLE
    assert (world.count("chunks"), world.count("retries")) == (0, 0)
