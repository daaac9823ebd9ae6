"""Sixty-four at once with one key, and sandboxes killed under them: one effect, one answer."""

import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest

from tests.faults.house_storm import up
from tests.faults.workers import Killer
from tests.forms import Form
from tests.once import ONCE
from tests.running import Answer, House

DUPLICATES = 64
LATER = (409, 429, 500, 503)
ORDER = {"customer": "Babbage", "currency": "GBP", "lines": [{"sku": "bolt", "quantity": 2, "unitPrice": 3}]}

Ask = Callable[[], Answer]


class Crowd:
    """Everybody sends one request at once, and again until there is an answer; meanwhile sandboxes die."""

    def __init__(self, house: House, seed: int, ask: Ask) -> None:
        self.answers: list[Answer] = []
        self.refused: Counter[int] = Counter()
        self._ask = ask
        killer = Killer(house, seed)
        threads = [threading.Thread(target=self._until_answered) for _ in range(DUPLICATES)]
        killer.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        killer.end()
        self.killed = killer.killed

    def has_one_answer(self) -> None:
        """Assert that everyone had an answer in the end, and the same; all but one are marked as repeated."""
        assert len(self.answers) == DUPLICATES
        assert {(answer.status, answer.body) for answer in self.answers} == {(201, self.answers[0].body)}
        assert sum("idempotent-replayed" not in answer.headers for answer in self.answers) <= 1
        assert self.killed > 0

    def _until_answered(self) -> None:
        while True:
            with suppress(ConnectionError, TimeoutError):
                answer = self._ask()
                if answer.status not in LATER:
                    self.answers.append(answer)
                    return
                self.refused[answer.status] += 1
            time.sleep(0.05)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The service whose every effect is a row."""
    folder = tmp_path_factory.mktemp("once")
    shutil.copytree(ONCE, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    made = House(folder / "data", root=folder / "repository")
    yield made.up()
    made.end()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Our own services, whose callers may ask as often as they like."""
    made = up(tmp_path_factory.mktemp("shop"))
    yield made
    made.end()


def test_an_effect_happens_once_however_often_its_workers_are_killed(once: House, form: Form) -> None:
    killed, refused = 0, Counter[int]()
    for number in range(form.count(short=2, long=20)):
        name, headers = f"order {number}", {"idempotency-key": str(uuid.uuid4())}
        ask = partial(once.ask, "POST", "/order", {"name": name, "wait": 0.2}, headers, api="once")
        crowd = Crowd(once, form.seed + number, ask)
        crowd.has_one_answer()
        with once.database("once") as db:
            found = db.execute("select name from once.orders where name = %s", (name,)).fetchall()
        assert found == [(name,)]
        killed += crowd.killed
        refused += crowd.refused
    form.keep(killed=killed, refused_meanwhile=dict(refused))


def test_an_order_is_placed_once_however_often_its_workers_are_killed(shop: House, form: Form) -> None:
    token = shop.run("token", "--as", "ada", "--service", "users", "--json")["token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert shop.ask("POST", "/organisations", {"name": "Engines"}, bearer, api="users").status == 201
    killed, refused = 0, Counter[int]()
    for number in range(form.count(short=2, long=20)):
        body, headers = {**ORDER, "customer": f"{number}"}, {**bearer, "idempotency-key": str(uuid.uuid4())}
        ask = partial(shop.ask, "POST", "/orders", body, headers, api="orders")
        with shop.database("app") as db:
            # The first wait in the middle of their work, with the key claimed, and are killed there.
            db.execute("begin; lock table orders.orders in exclusive mode")
            ending = threading.Timer(0.4, db.execute, ("commit",))
            ending.start()
            crowd = Crowd(shop, form.seed + number, ask)
            ending.join()
            crowd.has_one_answer()
            wanted = "select count(*) from orders.orders where customer = %s"
            assert db.execute(wanted, (f"{number}",)).fetchone() == (1,)
        killed += crowd.killed
        refused += crowd.refused
    form.keep(killed=killed, refused_meanwhile=dict(refused))
