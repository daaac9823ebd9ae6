"""kill -9 of one part while requests run: clear answers, nothing accepted is lost, and it heals by itself."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.repository import Repository
from tests.running import Answer, House, until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "data", root=Repository(tmp_path / "repository").root)
    yield house.up()
    house.end()


class Callers:
    """A few callers who order one thing after the other, and note every answer."""

    def __init__(self, house: House, count: int = 4) -> None:
        self.answers: list[Answer] = []
        self._house = house
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        until(lambda: len(self.answers) > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        while not self._ending.is_set():
            answer = self._house.ask("POST", "/order", {}, api="shop")
            self.answers.append(answer)
            if answer.status != 201:
                # As a polite client: not at once again.
                time.sleep(0.05)

    def until_served_again(self) -> None:
        """Wait until several orders in a row are taken after the latest refusal."""
        begun = len(self.answers)
        until(
            lambda: len(self.answers) > begun + 40 and all(a.status == 201 for a in self.answers[-40:]),
            within=40,
        )

    def accepted(self) -> list[int]:
        return [int(answer.json["id"]) for answer in self.answers if answer.status == 201]


def nothing_is_lost_or_unclear(house: House, callers: Callers) -> None:
    for answer in callers.answers:
        if answer.status == 201:
            continue
        assert answer.status in (500, 503), answer.body
        assert json.loads(answer.body), "a word for the caller"
        assert b"Traceback" not in answer.body
    with house.database("shop") as database:
        kept = {row[0] for row in database.execute("select id from shop.orders")}
    assert set(callers.accepted()) <= kept
    print(Counter(answer.status for answer in callers.answers))


def postmaster(house: House) -> int:
    return int((house.data / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zygote(house: House) -> int:
    assert house.process is not None
    (found,) = (
        child
        for child in children(house.process.pid)
        if b"functions.zygote" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return found


def test_postgres_dies_and_comes_back_while_orders_come_in(shop: House) -> None:
    with Callers(shop) as callers:
        before = postmaster(shop)
        os.kill(before, signal.SIGKILL)
        until(lambda: _differs(lambda: postmaster(shop), before))
        callers.until_served_again()
    nothing_is_lost_or_unclear(shop, callers)
    refused = [answer for answer in callers.answers if answer.status == 503]
    assert all("retry-after" in answer.headers for answer in refused)
    # Where the workers' secret says it is.
    address = json.loads((shop.data / "postgres" / "postgres.json").read_text())
    assert address["port"] == urlsplit(shop.running["postgres"]).port


def test_after_postgres_died_the_clock_the_queues_and_later_events_go_on(shop: House, tmp_path: Path) -> None:
    shop.run("clock", "set", "2027-03-01T00:00:00Z")
    os.kill(postmaster(shop), signal.SIGKILL)
    # While it is away: each waits for it, or says that it could not.
    shop.run("clock", "set", "2028-03-01T00:00:00Z")
    later = until(lambda: _ran(shop, "invoke", "shop.fail", "--later"))
    assert "accepted" in later or "request_id" in later
    for name in ("shop", "lamppost_local"):
        with shop.database(name) as database:
            (now,) = database.execute("select extract(year from lamppost.now())::int").fetchone() or (0,)
            assert now == 2028
    with shop.database("lamppost_local") as home:
        until(lambda: home.execute("select attempts from local.events").fetchall() == [(1,)])
    _send(shop, {"id": 1})
    with shop.database("shop") as database:
        until(lambda: database.execute("select id from shop.parcels").fetchall() == [(1,)])


def test_a_clock_that_postgres_forgot_is_set_again(shop: House) -> None:
    shop.run("clock", "set", "2027-03-01T00:00:00Z")
    with shop.database("shop") as database:
        # What a crash does to a commit that was not yet flushed.
        database.execute("delete from lamppost.clock")
    os.kill(postmaster(shop), signal.SIGKILL)
    until(lambda: _year(shop) == 2027)


def test_the_zygote_dies_and_functions_start_again(shop: House) -> None:
    with Callers(shop) as callers:
        before = zygote(shop)
        os.kill(before, signal.SIGKILL)
        callers.until_served_again()
        assert zygote(shop) != before
    nothing_is_lost_or_unclear(shop, callers)


def test_a_worker_dies_and_the_others_go_on(shop: House) -> None:
    with Callers(shop) as callers:
        for _ in range(3):
            os.kill(children(zygote(shop))[0], signal.SIGKILL)
            callers.until_served_again()
    nothing_is_lost_or_unclear(shop, callers)
    # Each kill costs the request in work at most, whoever it belonged to.
    assert sum(answer.status != 201 for answer in callers.answers) <= 3


def test_a_batch_whose_worker_dies_is_worked_again(shop: House, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    sent = [{"id": 1, "gate": str(gate)}]
    _send(shop, *sent)
    until((tmp_path / "gate.begun").exists)
    for worker in children(zygote(shop)):
        os.kill(worker, signal.SIGKILL)
    gate.touch()
    (waiting,) = [q for q in shop.run("queue", "list") if q["name"] == "shop-dev-parcels"]
    assert waiting["visible"] + waiting["in_flight"] == 1
    # It returns when its visibility ends, minutes of wall time: let it end now.
    with shop.database("lamppost_local") as home:
        home.execute("update local.messages set visible_at = now()")
    _send(shop, {"id": 2})
    with shop.database("shop") as database:
        until(lambda: {row[0] for row in database.execute("select id from shop.parcels")} == {1, 2})


def _send(house: House, *parcels: dict[str, object]) -> None:
    import boto3

    sqs = boto3.client(
        "sqs",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    url = sqs.get_queue_url(QueueName="shop-parcels")["QueueUrl"]
    for parcel in parcels:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(parcel))


def _ran(house: House, *arguments: str) -> str:
    done = house.run(*arguments, ok=False)
    return done.stdout if done.returncode == 0 else ""


def _year(house: House) -> int:
    try:
        with house.database("shop") as database:
            return int(
                (database.execute("select extract(year from lamppost.now())::int").fetchone() or (0,))[0]
            )
    except psycopg.OperationalError:
        return 0


def _differs(look: Callable[[], int], before: int) -> bool:
    try:
        return look() != before
    except (OSError, IndexError, ValueError):
        return False
