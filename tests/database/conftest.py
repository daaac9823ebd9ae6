"""What database tests share: servers of their own to kill, and worlds of people who wait for greetings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lamppost.local.postgres.cluster import Cluster
from tests.birthday import World
from tests.receiver import Receiver, receiver

QUICK = {"fsync": "off"}


@pytest.fixture
def make_cluster() -> Iterator[Callable[..., Cluster]]:
    """Make clusters that are stopped after the test, whatever happened to them."""
    made: list[Cluster] = []

    def make(folder: Path, **options: Any) -> Cluster:
        cluster = Cluster(folder, **{"changes": QUICK, **options})
        made.append(cluster)
        return cluster

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A webhook's other end."""
    with receiver() as running:
        yield running


@pytest.fixture
def new_world(
    database: Any, hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], World]]:
    """Make a birthday database whose clock says this instant, and whose greetings go to `hook`."""
    monkeypatch.setenv("LAMPPOST_ALLOW_WEBHOOK", "loopback")
    here = World(database("birthday"), hook.url)

    def make(now: str) -> World:
        here.now_is(now)
        return here

    yield make
    here.close()
