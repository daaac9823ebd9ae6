"""Systems for stories: one shared by those that only look, a fresh one for those that break things."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bad_inputs import PROBE
from tests.running import House, Receiver


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system shared by this worker's stories: they leave it up and the clock where it was."""
    shared = House(tmp_path_factory.mktemp("house") / "data")
    yield shared.up()
    shared.end()


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A system with the one service that anything may be thrown at; shared as `house` is."""
    folder = tmp_path_factory.mktemp("probe")
    shutil.copytree(PROBE, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    shared = House(folder / "data", root=folder / "repository")
    yield shared.up()
    shared.end()


@pytest.fixture
def new_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes systems of a test's own; all are gone afterwards."""
    made: list[House] = []

    def make(name: str = "data", **how: Any) -> House:
        fresh = House(tmp_path / name, **how)
        made.append(fresh)
        return fresh

    yield make
    for each in made:
        each.end()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver outside the system."""
    listening = Receiver()
    yield listening
    listening.close()
