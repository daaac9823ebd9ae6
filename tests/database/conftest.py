"""Servers of a test's own, for tests that kill them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lamppost.local.postgres.cluster import Cluster

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
