"""Metrics by the minute: what windows hold, and what is left after a restart and a `kill -9`."""

import asyncio
import statistics
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lamppost.local.metrics import KEEP_SECONDS, MOST_SERIES, Metrics, series
from lamppost.local.points import Point, read_row

LATENESS = series("Lamppost/birthday", "Lateness", {"Environment": "dev"})
NUMBERS = st.floats(-1e9, 1e9)
NOW = 1_800_000_000


@given(st.lists(NUMBERS, min_size=1), st.lists(NUMBERS))
def test_two_points_together_count_what_both_count(some, others):
    one, other, both = Point(), Point(), Point()
    for value in some:
        one.add(value)
        both.add(value)
    for value in others:
        other.add(value)
        both.add(value)
    one.merge(other)
    assert one.often == both.often
    assert (one.count, one.least, one.most) == (both.count, both.least, both.most)
    one.pack()
    assert one.often == both.often
    one.add(some[0])
    both.add(some[0])
    assert one.often == both.often
    row: tuple[Any, ...] = one.row()
    copy = read_row(*row)
    assert [copy.statistic(name) for name in ("Sum", "p50", "Maximum")] == [
        one.statistic(name) for name in ("Sum", "p50", "Maximum")
    ]


@given(st.lists(NUMBERS, min_size=1))
def test_statistics_are_exact_and_percentiles_right_within_half_a_percent(values):
    point = Point()
    for value in values:
        point.add(value)
    assert point.statistic("SampleCount") == len(values)
    assert (point.statistic("Minimum"), point.statistic("Maximum")) == (min(values), max(values))
    ranked = sorted(values)
    for percent in (50, 95, 99):
        exact = ranked[max(-(-percent * len(values) // 100) - 1, 0)]
        assert abs(point.statistic(f"p{percent}") - exact) <= abs(exact) * 0.00501 + 1e-12
    assert abs(point.statistic("Average") - statistics.fmean(values)) <= 1e-6 * max(map(abs, values)) + 1e-9


def test_a_window_holds_its_minutes_and_no_others():
    metrics = Metrics()
    for minute in range(10):
        metrics.put(LATENESS, [minute], at=NOW + 60 * minute)
    point = metrics.window(LATENESS, NOW + 120, NOW + 300)
    assert point is not None
    assert (point.count, point.least, point.most) == (3, 2, 4)
    assert metrics.window(LATENESS, NOW - 600, NOW) is None


def test_a_restart_and_a_kill_forget_only_the_minute_they_fell_in(tmp_path):
    now = time.time() // 60 * 60

    async def live() -> None:
        first = Metrics(tmp_path)
        await first.load()
        first.put(LATENESS, [1.0, 2.5], at=now - 120, unit="Seconds")
        first.put(LATENESS, [7.0], at=now, unit="Seconds")
        first.turn(now)
        # Killed here: what was measured in this minute was not written.
        second = Metrics(tmp_path)
        await second.load()
        await second.load()
        point = second.window(LATENESS, int(now) - 600, int(now) + 60)
        assert point is not None
        assert (point.count, point.total, second.unit(LATENESS)) == (2, 3.5, "Seconds")
        # A value that comes late changes a minute that was written already.
        second.put(LATENESS, [4.0], at=now - 120, unit="Seconds")
        second.close()
        third = Metrics(tmp_path)
        await third.load()
        again = third.window(LATENESS, int(now) - 600, int(now) + 60)
        assert again is not None
        assert (again.count, again.total) == (3, 7.5)
        third.close()

    asyncio.run(live())


def test_memory_holds_three_hours_and_series_without_a_value_go():
    metrics = Metrics()
    metrics.put(LATENESS, [1.0], at=NOW)
    metrics.turn(NOW + KEEP_SECONDS)
    assert metrics.known() == [LATENESS]
    metrics.turn(NOW + KEEP_SECONDS + 60)
    assert metrics.known() == []


def test_files_stay_small(tmp_path):
    metrics = Metrics(tmp_path, rotate_bytes=10_000)
    for minute in range(500):
        metrics.put(LATENESS, [1.0, 2.0, 3.0], at=NOW + 60 * minute)
        metrics.turn(NOW + 60 * (minute + 1))
    metrics.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 25_000


def test_an_id_in_a_dimension_does_not_fill_the_memory():
    metrics = Metrics()
    for number in range(MOST_SERIES + 10):
        metrics.put(series("N", "Sent", {"Person": str(number)}), [1.0], at=NOW)
    assert len(metrics.known()) == MOST_SERIES
    assert metrics.left_out == 10
    metrics.put(metrics.known()[0], [1.0], at=NOW)
    assert metrics.left_out == 10
