"""What the birthday service measures of itself, and its two alarms: they ring, and they fall silent."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lamppost.derive.alarms import alarms
from lamppost.local.embedded import readings
from lamppost.local.metrics import Metrics, series
from lamppost.local.watch import evaluate
from lamppost.pack.discover import discover
from services.birthday.store import backlog
from tests.birthday import World
from tests.receiver import Receiver, Reply

BEFORE = "2025-03-15T12:59:00Z"
NINE_IN_NEW_YORK = "2025-03-15T13:00:00Z"
BEGAN = 1_800_000_000
ROOT = Path(__file__).parents[2]

PEOPLE = """
with person as (
    insert into birthday.people
           (first_name, last_name, date_of_birth, timezone, leap_day, created_at, updated_at)
    select 'Jo', n::text, '1990-03-15', 'America/New_York', 'march-1', now(), now()
      from generate_series(1, %(count)s) as n
 returning id
)
insert into birthday.dates (person_id, kind, day, leap_day, year, wall, zone, tzdata, due_at)
select id, 'birthday', '1990-03-15', 'march-1', 2025, '2025-03-15 09:00', 'America/New_York', 'test',
       %(due)s
  from person
"""


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world(BEFORE)


class Minutes:
    """CloudWatch's view: what the service said minute by minute, and what its alarms come to."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._metrics = Metrics()
        self._alarms = {each.name: each for each in alarms(discover(ROOT), env="dev")}
        self.past = 0

    def end(self) -> None:
        """Let a minute end: what was said in it is read."""
        at = BEGAN + 60 * self.past
        for line in self._world.ctx.measured.take(at * 1000):
            for reading in readings(line):
                self._metrics.put(reading.which, reading.values, at=reading.at, unit=reading.unit)
        self.past += 1

    def state(self, name: str) -> str:
        found = evaluate(self._alarms[name], self._metrics.value, at=BEGAN + 60 * self.past, began=BEGAN)
        return found.state


def said(world: World) -> dict[str, Any]:
    """What was measured since the last look, by name."""
    lines = [json.loads(line) for line in world.ctx.measured.take(0)]
    return {name: value for line in lines for name, value in line.items() if name != "_aws"}


def test_a_tick_and_a_chunk_say_how_much_how_late_and_what_failed(world: World, hook: Receiver) -> None:
    for _ in range(3):
        world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.pass_time(timedelta(seconds=30))
    world.tick()
    assert said(world) == {"Environment": "dev", "UndeliveredEvents": 3, "ClaimedEvents": 3}
    world.deliver()
    measured = said(world)
    assert (measured["DeliveryAttempts"], measured["DeliveryFailures"]) == (3, 0)
    assert all(30 <= late < 90 for late in measured["Lateness"])
    assert "DeadEvents" not in measured
    world.tick()
    assert said(world)["UndeliveredEvents"] == 0


def test_a_greeting_counts_as_undelivered_until_it_is_delivered_or_dead(world: World, hook: Receiver) -> None:
    world.create()
    hook.always(500)
    world.now_is(NINE_IN_NEW_YORK)

    def waiting() -> int:
        with world.ctx.transaction() as db:
            return backlog.undelivered(db)

    assert waiting() == 1
    for attempt in range(1, 6):
        world.tick()
        assert waiting() == 1
        world.deliver()
        measured = said(world)
        assert (measured["DeliveryAttempts"], measured["DeliveryFailures"]) == (1, 1)
        assert waiting() == (1 if attempt < 5 else 0)
        world.pass_time(timedelta(hours=4))
    assert measured["DeadEvents"] == 1


def test_every_alarm_of_its_own_watches_what_it_says(world: World, hook: Receiver) -> None:
    """The same namespace and dimensions: what is alarmed by another name rings never."""
    world.create()
    world.now_is(NINE_IN_NEW_YORK)
    world.minute()
    said = {reading.which for line in world.ctx.measured.take(0) for reading in readings(line)}
    own = [
        each for each in alarms(discover(ROOT), env="dev") if each.measure.namespace == "Lamppost/birthday"
    ]
    assert len(own) == 2
    for alarm in own:
        for measure in filter(None, (alarm.measure, alarm.whole)):
            assert series(measure.namespace, measure.metric, dict(measure.dimensions)) in said


def test_lateness_is_each_greetings_own(world: World) -> None:
    world.create()
    world.create(timezone="America/Chicago")
    world.now_is("2025-03-15T14:00:10Z")
    world.minute()
    one, other = sorted(said(world)["Lateness"])
    assert 10 <= one < 100
    assert other - one == 3600


def test_the_backlog_alarm_rings_after_five_minutes_of_it_and_clears(world: World, hook: Receiver) -> None:
    world.admin.execute(PEOPLE, {"count": 1001, "due": NINE_IN_NEW_YORK})
    world.now_is(NINE_IN_NEW_YORK)
    minutes = Minutes(world)
    for _ in range(5):
        assert minutes.state("bday-dev-backlog") == "OK"
        world.tick()
        minutes.end()
    assert minutes.state("bday-dev-backlog") == "ALARM"
    world.deliver()
    world.tick()
    minutes.end()
    assert len(hook.requests) == 1001
    assert minutes.state("bday-dev-backlog") == "OK"


def test_the_failure_alarm_rings_over_a_tenth_and_clears(world: World, hook: Receiver) -> None:
    world.admin.execute(PEOPLE, {"count": 20, "due": NINE_IN_NEW_YORK})
    minutes = Minutes(world)
    world.now_is(NINE_IN_NEW_YORK)
    hook.always(500)
    world.minute()
    minutes.end()
    assert minutes.state("bday-dev-delivery-failures") == "ALARM"
    hook.always(200)
    world.pass_time(timedelta(minutes=1))
    world.minute()
    for _ in range(5):
        minutes.end()
    assert minutes.state("bday-dev-delivery-failures") == "OK"


def test_a_tenth_that_fails_is_not_over_a_tenth(world: World, hook: Receiver) -> None:
    world.admin.execute(PEOPLE, {"count": 20, "due": NINE_IN_NEW_YORK})
    minutes = Minutes(world)
    world.now_is(NINE_IN_NEW_YORK)
    left = [500] * 2 + [200] * 18
    hook.answer = lambda _: Reply(left.pop())
    world.minute()
    minutes.end()
    assert left == []
    assert minutes.state("bday-dev-delivery-failures") == "OK"
