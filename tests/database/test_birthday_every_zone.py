"""A year of mornings in every time zone there is."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.birthday import calendar
from tests.birthday import World
from tests.receiver import Receiver

BIRTHDAYS = ("1990-03-29", "2000-02-29", "1985-12-31")


@pytest.fixture
def world(new_world: Callable[[str], World]) -> World:
    return new_world("2026-01-02T00:00:00Z")


def test_people_in_every_zone_are_greeted_once_a_year_at_nine(world: World, hook: Receiver) -> None:
    zones = sorted(calendar.zone_names())
    homes = {
        world.create(timezone=zone, dateOfBirth=BIRTHDAYS[n % 3])["id"]: zone for n, zone in enumerate(zones)
    }
    end = datetime(2027, 1, 2, tzinfo=UTC)
    due = {row[0] for row in world.greetings("due_at") if row[0] < end}
    for instant in sorted(due):
        world.now_is((instant - timedelta(minutes=1)).isoformat())
        before = len(hook.requests)
        world.minute()
        assert len(hook.requests) == before, "nobody is greeted early"
        world.now_is(instant.isoformat())
        world.minute()
    world.now_is(end.isoformat())
    world.minute()

    greeted = [json.loads(request.body) for request in hook.requests]
    assert Counter(each["userId"] for each in greeted) == Counter(homes.keys())
    assert len({each["eventId"] for each in greeted}) == len(zones)
    for each in greeted:
        local = datetime.fromisoformat(each["timestamp"]).astimezone(calendar.zone(homes[each["userId"]]))
        assert local.strftime("%H:%M:%S") == "09:00:00"
        assert local.strftime("%m-%d") in ("03-29", "03-01", "12-31")
    late = [row[0] for row in world.greetings("lateness") if row[0] is not None]
    assert max(late) < timedelta(minutes=1)
    assert Counter(world.greetings("status, year")) == Counter(
        {("delivered", 2026): len(zones), ("waiting", 2027): len(zones)}
    )
