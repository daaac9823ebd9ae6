"""One time for the whole system, moved as an operator asks, kept over crashes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, Manifest, ScheduleEntry, ServiceEntry
from lamppost.errors import OperatorError
from lamppost.local.clock import Clock
from lamppost.testing.plugin import MakeDatabase

NOON = datetime(2027, 3, 15, 12, tzinfo=UTC)


def manifest(every: int) -> Manifest:
    """A service whose one function ticks every so many seconds."""
    function = FunctionEntry(
        "ticker", "shop-ticker", "schedule", "m", "h", (), 3.0, 128, None, False, False, (), (), ()
    )
    schedules = (ScheduleEntry("ticker", every),)
    return Manifest((ServiceEntry("shop", "shop", "", "x", None, (function,), schedules, (), (), (), ()),))


class Ticks:
    """Remembers ticks; `open` lets them finish."""

    def __init__(self) -> None:
        self.at: list[datetime] = []
        self.quiet = 0

    async def tick(self, _function: str, at: datetime) -> None:
        self.at.append(at)

    async def be_quiet(self) -> None:
        self.quiet += 1


def play(make: MakeDatabase, story: Callable[..., Awaitable[None]], *, every: int = 60) -> None:
    home, other = make(), make()

    async def played() -> None:
        ticks = Ticks()
        clock = Clock(ticks.tick, ticks.be_quiet)
        await clock.open(home.admin)
        await clock.also([other.admin])
        clock.describe(manifest(every), lambda name: names.physical(name, "dev"))
        try:
            await story(clock, ticks, home, other)
        finally:
            await clock.close()

    asyncio.run(played())


def now_in(database: Any) -> datetime:
    with psycopg.connect(database.app, autocommit=True) as connection:
        row = connection.execute("select lamppost.now()").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def test_setting_the_clock_moves_every_database_and_ticks_once(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        await clock.set(NOON)
        for each in (home, other):
            assert abs(now_in(each) - NOON) < timedelta(seconds=20)
        assert ticks.at == [NOON]
        assert ticks.quiet == 1

    play(database, story)


def test_walking_ticks_through_the_time_in_order_on_full_strides(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        await clock.set(NOON)
        ticks.at.clear()
        await clock.advance(timedelta(hours=1), timedelta(minutes=15), lambda _: None)
        quarters = [NOON + timedelta(minutes=15 * step) for step in range(1, 5)]
        # The walk ends an hour after where it began, moments past the last quarter.
        assert ticks.at[:4] == quarters
        assert clock.now() - NOON >= timedelta(hours=1)

    play(database, story)


def test_a_slower_schedule_ticks_only_where_it_is_due(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        await clock.set(NOON)
        ticks.at.clear()
        await clock.advance(timedelta(hours=2), timedelta(minutes=10), lambda _: None)
        assert ticks.at == [NOON + timedelta(hours=1), NOON + timedelta(hours=2)]

    play(database, story, every=3600)


def test_a_new_start_finds_the_time_where_it_was_and_brings_the_others_after_it(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        await clock.set(NOON)
        with psycopg.connect(other.admin, autocommit=True) as stray:
            stray.execute("delete from lamppost.clock")
        again = Clock(ticks.tick, ticks.be_quiet)
        await again.open(home.admin)
        await again.also([other.admin])
        assert abs(again.now() - clock.now()) < timedelta(seconds=1)
        assert abs(now_in(other) - clock.now()) < timedelta(seconds=1)
        await again.close()

    play(database, story)


def test_reset_goes_back_to_the_wall(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        await clock.set(NOON)
        await clock.reset()
        assert abs(now_in(home) - datetime.now(UTC)) < timedelta(seconds=5)

    play(database, story)


def test_the_minute_ticks_by_itself(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        clock.start()
        await clock.set(NOON + timedelta(seconds=59, milliseconds=800))
        ticks.at.clear()
        async with asyncio.timeout(10):
            while not ticks.at:
                await asyncio.sleep(0.01)
        assert ticks.at == [NOON + timedelta(minutes=1)]

    play(database, story)


@pytest.mark.parametrize("by", [timedelta(0), timedelta(hours=-1)])
def test_a_walk_goes_forward_only(database: MakeDatabase, by: timedelta):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        with pytest.raises(OperatorError, match="forward"):
            await clock.advance(by, timedelta(minutes=15), lambda _: None)

    play(database, story)


def test_a_typing_error_in_the_year_is_refused(database: MakeDatabase):
    async def story(clock: Clock, ticks: Ticks, home: Any, other: Any) -> None:
        with pytest.raises(OperatorError, match="reach"):
            await clock.set(datetime(2277, 1, 1, tzinfo=UTC))

    play(database, story)
