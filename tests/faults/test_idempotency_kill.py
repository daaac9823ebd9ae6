"""Sixty-four at once with one key, and workers killed under them: one effect, one answer."""

import os
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.workers import Killer
from tests.once import ONCE
from tests.running import Answer, House

DUPLICATES = 64
ROUNDS = int(os.environ.get("LAMPPOST_KILL_ROUNDS", "3"))
LATER = (409, 429, 500, 503)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    shutil.copytree(ONCE, tmp_path / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    made = House(tmp_path / "data", root=tmp_path / "repository")
    yield made.up()
    made.end()


def _until_answered(house: House, key: str, name: str, answers: list[Answer], refused: list[int]) -> None:
    """As a polite client: ask again with the same key until there is an answer."""
    while True:
        with suppress(ConnectionError, TimeoutError):
            answer = house.ask(
                "POST", "/order", {"name": name, "wait": 0.2}, {"idempotency-key": key}, api="once"
            )
            if answer.status not in LATER:
                answers.append(answer)
                return
            refused.append(answer.status)
        time.sleep(0.05)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_sixty_four_duplicates_and_dying_workers_have_one_effect_and_one_answer(
    house: House, seed: int
) -> None:
    key, name = str(uuid.uuid4()), f"order {seed}"
    answers: list[Answer] = []
    refused: list[int] = []
    killer = Killer(house, seed)
    crowd = [
        threading.Thread(target=_until_answered, args=(house, key, name, answers, refused))
        for _ in range(DUPLICATES)
    ]
    killer.start()
    for each in crowd:
        each.start()
    for each in crowd:
        each.join(120)
    killer.end()
    assert len(answers) == DUPLICATES, "everyone had an answer in the end"
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) <= 1
    with house.database("once") as database:
        assert database.execute("select name from once.orders").fetchall() == [(name,)]
    assert killer.killed > 0
    print(f"killed {killer.killed}, refused meanwhile {Counter(refused)}")
