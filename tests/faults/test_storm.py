"""A storm of callers on a small pool: the cap holds, the excess waits or is told to come again, it passes."""

from collections.abc import Iterator
from typing import Any

import pytest

from lamppost.db.pool import close_pool
from lamppost.testing.plugin import MakeDatabase
from tests.faults.storm import Storm
from tests.once import TABLES, led_to

POOL = 3
SECONDS = 3.0


@pytest.fixture
def shore(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = database(folders=TABLES)
    led_to(made, monkeypatch)
    monkeypatch.setenv("DB_POOL_MAX", str(POOL))
    close_pool()
    yield made
    close_pool()


def test_callers_who_can_wait_all_get_their_turn(shore: Any) -> None:
    storm = Storm(shore.admin, 10 * POOL, work=0.02).blow(SECONDS)
    assert set(storm.statuses) == {200}
    assert 1 <= storm.most_connections <= POOL
    # A bound on an outcome: the promise is two seconds, and a queue of thirty is done in a fraction of one.
    assert storm.recovered_after < 2


def test_callers_who_cannot_wait_are_told_when_to_come_again(
    shore: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_CONNECTION_TIMEOUT", "100")
    close_pool()
    storm = Storm(shore.admin, 10 * POOL, work=0.1).blow(SECONDS)
    assert set(storm.statuses) == {200, 503}
    assert storm.refusals_without_retry_after == 0
    assert storm.most_connections <= POOL
    assert storm.recovered_after < 2
