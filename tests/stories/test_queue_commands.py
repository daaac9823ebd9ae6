"""What an operator does to dead letters, on a running system."""

import json
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.letterbox import Letterbox
from tests.running import LAMPPOST, House, until

LETTERS = 60


class Desk(Letterbox):
    """Queue `desk` with its dead letters `desk-dlq`, filled by a test, and a consumer that the test plays."""

    def __init__(self, house: House) -> None:
        self.house = house
        super().__init__(house)
        self.handled: Counter[str] = Counter()
        self._stop = threading.Event()
        self._consumers: list[threading.Thread] = []

    def bury(self, *bodies: Any) -> None:
        for start in range(0, len(bodies), 10):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps(body)}
                for n, body in enumerate(bodies[start : start + 10])
            ]
            self.sqs.send_message_batch(QueueUrl=self.dead, Entries=entries)

    def count(self, url: str) -> int:
        shown = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(shown["ApproximateNumberOfMessages"]) + int(shown["ApproximateNumberOfMessagesNotVisible"])

    def consume(self, works: Callable[[str], bool]) -> None:
        """Handle what comes to `desk`; what does not work dies at once, as after its only attempt."""

        def run() -> None:
            while not self._stop.is_set():
                found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
                for message in found.get("Messages", []):
                    handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
                    if works(message["Body"]):
                        self.handled[message["Body"]] += 1
                        self.sqs.delete_message(**handle)
                    else:
                        self.sqs.change_message_visibility(**handle, VisibilityTimeout=0)

        self._consumers.append(threading.Thread(target=run))
        self._consumers[-1].start()

    def close(self) -> None:
        self._stop.set()
        for consumer in self._consumers:
            consumer.join()
        for url in (self.url, self.dead):
            self.sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def desk(house: House) -> Iterator[Desk]:
    made = Desk(house)
    yield made
    made.close()


def _holds(desk: Desk, some: int) -> bool:
    return desk.count(desk.url) >= some


def letters(count: int) -> list[dict[str, Any]]:
    return [{"number": n, "kind": "odd" if n % 2 else "even"} for n in range(count)]


def test_a_look_shows_what_is_asked_for_and_why_it_died(desk: Desk) -> None:
    desk.bury(*letters(6), {"userId": "u-1", "reason": "status 500", "to": [{"city": "Ürümqi"}]})
    for _ in range(2):
        found = desk.house.run("queue", "peek", "desk-dlq", "--limit", "2")
        assert [letter["body"]["number"] for letter in found] == [0, 1]
    (one,) = desk.house.run("queue", "peek", "desk-dlq", "--filter", "to[0].city~Ürüm")
    assert (one["why"], one["receives"], one["state"]) == ("status 500", 0, "visible")
    odd = desk.house.run("queue", "peek", "desk-dlq", "--filter", "kind=odd", "--filter", "number=3")
    assert [letter["body"]["number"] for letter in odd] == [3]
    assert desk.house.run("queue", "peek", "desk-dlq", "--filter", "kind=none") == []


def test_a_dry_run_says_what_would_come_back_and_brings_nothing(desk: Desk) -> None:
    desk.bury(*letters(7))
    said = desk.house.run("queue", "redrive", "desk-dlq", "--dry-run", "--filter", "kind=odd")
    assert (said["dry_run"], said["moved"]) == (True, {"desk": 3})
    assert (desk.count(desk.dead), desk.count(desk.url)) == (7, 0)


def test_letters_come_back_each_once(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    desk.consume(lambda body: True)
    said = desk.house.run("queue", "redrive", "desk-dlq", "--rate", "1000")
    assert (said["ended"], said["moved"], said["failed_again"]) == ("done", {"desk": LETTERS}, 0)
    until(lambda: desk.handled.total() == LETTERS)
    assert set(desk.handled.values()) == {1}


def test_only_those_meant_come_back_and_no_more_than_the_limit(desk: Desk) -> None:
    desk.bury(*letters(20))
    asked = ("queue", "redrive", "desk-dlq", "--filter", "kind=even", "--limit", "4", "--stop-after", "0")
    assert desk.house.run(*asked)["moved"] == {"desk": 4}
    left = desk.house.run("queue", "peek", "desk-dlq", "--limit", "100", "--filter", "kind=even")
    assert [letter["body"]["number"] for letter in left] == [8, 10, 12, 14, 16, 18]
    asked = ("queue", "redrive", "desk-dlq", "--since", "2099-01-01", "--stop-after", "0")
    assert desk.house.run(*asked)["moved"] == {}


def test_when_those_that_go_ahead_fail_again_the_rest_stays(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    desk.consume(lambda body: False)
    done = desk.house.run("queue", "redrive", "desk-dlq", "--rate", "1000", "--stop-after", "5", ok=False)
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert (said["ended"], said["failed_again"], said["moved"]) == ("failing", 5, {"desk": 5})
    assert desk.count(desk.dead) == LETTERS


def test_letters_that_fail_again_are_not_brought_back_in_a_circle(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    desk.consume(lambda body: False)
    said = desk.house.run("queue", "redrive", "desk-dlq", "--rate", "60", "--stop-after", "0")
    assert said["moved"] == {"desk": LETTERS}
    until(lambda: desk.count(desk.dead) == LETTERS)
    again = desk.house.run("queue", "peek", "desk-dlq", "--limit", "100")
    assert sorted(letter["body"]["number"] for letter in again) == list(range(LETTERS))


def test_a_redrive_that_is_killed_loses_and_doubles_nothing(desk: Desk) -> None:
    """Killed five times at moments of a printed seed, then run to its end."""
    seed = random.randrange(10_000)
    print("seed", seed)
    chance = random.Random(seed)
    desk.bury(*letters(300))
    environment = {**os.environ, "LAMPPOST_DATA": str(desk.house.data)}
    for _ in range(5):
        before = desk.count(desk.url)
        redrive = subprocess.Popen(
            [LAMPPOST, "queue", "redrive", "desk-dlq", "--rate", "500", "--stop-after", "0"],
            env=environment,
            cwd=desk.house.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        some = min(before + chance.randint(1, 60), 300)
        until(partial(_holds, desk, some))
        redrive.send_signal(signal.SIGKILL)
        redrive.wait()
    desk.house.run("queue", "redrive", "desk-dlq", "--rate", "5000", "--stop-after", "0")
    assert desk.count(desk.dead) == 0
    desk.consume(lambda body: True)
    until(lambda: desk.count(desk.url) == 0)
    assert sorted(json.loads(body)["number"] for body in desk.handled) == list(range(300))
    assert set(desk.handled.values()) == {1}


def test_ctrl_c_ends_a_redrive_between_two_moves(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    redrive = subprocess.Popen(
        [LAMPPOST, "queue", "redrive", "desk-dlq", "--rate", "5/s", "--stop-after", "0"],
        env={**os.environ, "LAMPPOST_DATA": str(desk.house.data)},
        cwd=desk.house.root,
        stdout=subprocess.PIPE,
    )
    until(lambda: desk.count(desk.url) >= 2)
    redrive.send_signal(signal.SIGINT)
    said = json.loads(redrive.communicate(timeout=20)[0])
    assert (redrive.returncode, said["ended"]) == (130, "interrupted")
    assert said["moved"] == {"desk": desk.count(desk.url)}
    assert desk.count(desk.url) + desk.count(desk.dead) == LETTERS


def test_letters_go_where_they_are_told(desk: Desk) -> None:
    desk.bury({"n": 1})
    other = desk.sqs.create_queue(QueueName="other-desk")["QueueUrl"]
    asked = ("queue", "redrive", "desk-dlq", "--to", "other-desk", "--stop-after", "0")
    assert desk.house.run(*asked)["moved"] == {"other-desk": 1}
    assert desk.count(other) == 1
    desk.sqs.delete_queue(QueueUrl=other)


def test_a_purge_drops_what_it_counted_when_it_is_told_to(desk: Desk) -> None:
    desk.bury(*letters(6))
    refused = desk.house.run("queue", "purge", "desk-dlq", ok=False)
    assert (refused.returncode, json.loads(refused.stderr)["code"]) == (1, "not_confirmed")
    assert "6 of desk-dlq" in refused.stderr
    assert desk.count(desk.dead) == 6
    assert desk.house.run("queue", "purge", "desk-dlq", "--older-than", "1h", "--yes")["dropped"] == 0
    assert desk.house.run("queue", "purge", "desk-dlq", "--filter", "kind=odd", "--yes")["dropped"] == 3
    left = desk.house.run("queue", "peek", "desk-dlq")
    assert {letter["body"]["kind"] for letter in left} == {"even"}
    assert desk.house.run("queue", "purge", "desk-dlq", "--yes") == {"queue": "desk-dlq", "dropped": 3}
    assert desk.count(desk.dead) == 0


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (("redrive", "desk-dlq", "--rate", "fast"), "rate_malformed"),
        (("redrive", "desk-dlq", "--rate", "0"), "rate_malformed"),
        (("redrive", "desk-dlq", "--limit", "0"), "bad_count"),
        (("redrive", "desk-dlq", "--since", "soon"), "time_malformed"),
        (("redrive", "desk-dlq", "--filter", "kind"), "filter_malformed"),
        (("redrive", "desk-dlq", "--filter", "a..b=1"), "filter_malformed"),
        (("redrive", "desk-dlq", "--to", "desk-dlq"), "queue_same"),
        (("redrive", "desk-dlq", "--to", "nowhere"), "queue_missing"),
        (("redrive", "desk"), "not_dead_letters"),
        (("redrive", "nowhere"), "queue_missing"),
        (("purge", "desk-dlq", "--older-than", "long", "--yes"), "operator"),
        (("peek", "\x00"), "queue_missing"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_and_moves_nothing(
    desk: Desk, typed: tuple[str, ...], code: str
) -> None:
    desk.bury({"kind": "odd"})
    typed = tuple(word.replace("\x00", "\x1b[2J") for word in typed)
    done = desk.house.run("queue", *typed, ok=False)
    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, code)
    assert "Traceback" not in done.stderr
    assert desk.count(desk.dead) == 1
