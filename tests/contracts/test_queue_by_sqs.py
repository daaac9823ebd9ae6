"""`lamppost queue … --aws`: the same operations over SQS's API, on our SQS and on another."""

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.running import LAMPPOST, ROOT, until

LETTERS = 35


class Desk:
    """A queue with its dead letters on one of the servers, and the command line led there."""

    def __init__(self, url: str, sqs: Any) -> None:
        self.sqs = sqs
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "us-east-2",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
        }
        self.name = f"desk-{secrets.token_hex(4)}"
        self.dead = sqs.create_queue(QueueName=f"{self.name}-dlq")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]
        policy = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 1})
        attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "30"}
        self.url = sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]

    def bury(self, *bodies: Any) -> None:
        """Send to the queue and let each die of its only attempt, as a failing function would."""
        for start in range(0, len(bodies), 10):
            entries = [
                {
                    "Id": str(n),
                    "MessageBody": json.dumps(body),
                    "MessageAttributes": {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
                }
                for n, body in enumerate(bodies[start : start + 10])
            ]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        self.fail()

    def fail(self) -> None:
        """Take everything once in vain; the receive after that buries it."""
        for _ in range(2):
            while self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0
            ).get("Messages"):
                pass

    def count(self, url: str) -> int:
        shown = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(shown["ApproximateNumberOfMessages"]) + int(shown["ApproximateNumberOfMessagesNotVisible"])

    def bodies(self, url: str) -> Counter[int]:
        """The numbers in all bodies that can be received now; they are taken away."""
        found: Counter[int] = Counter()
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
                found[json.loads(message["Body"])["number"]] += 1
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def start(self, *typed: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [LAMPPOST, "queue", *typed, "--aws"],
            env=self._environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *typed: str, code: int = 0) -> Any:
        running = self.start(*typed)
        said, errors = running.communicate(timeout=60)
        assert running.returncode == code, errors
        return json.loads(said or errors)


@pytest.fixture(params=["ours", "ministack"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    server = request.getfixturevalue("aws_house" if request.param == "ours" else "ministack")
    return Desk(server.url, server.client("sqs"))


def letters(count: int) -> list[dict[str, Any]]:
    return [{"number": n, "kind": "odd" if n % 2 else "even"} for n in range(count)]


def test_a_look_gives_back_what_it_held(desk: Desk) -> None:
    desk.bury(*letters(12))
    for _ in range(2):
        found = desk.run("peek", f"{desk.name}-dlq", "--filter", "kind=odd")
        assert sorted(letter["body"]["number"] for letter in found) == [1, 3, 5, 7, 9, 11]
        assert {letter["origin"] for letter in found} == {desk.name}
    assert desk.bodies(desk.dead).total() == 12


def test_a_look_that_would_cost_attempts_is_refused(desk: Desk) -> None:
    assert desk.run("peek", desk.name, code=1)["code"] == "look_costs"


def test_a_dry_run_and_then_the_letters_themselves(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    dead = f"{desk.name}-dlq"
    meant = ("redrive", dead, "--filter", "kind=even", "--stop-after", "0", "--rate", "1000")
    assert desk.run(*meant, "--dry-run")["moved"] == {desk.name: 18}
    assert desk.run(*meant)["moved"] == {desk.name: 18}
    assert desk.bodies(desk.url) == Counter(range(0, LETTERS, 2))
    assert desk.bodies(desk.dead) == Counter(range(1, LETTERS, 2))


def test_when_those_that_go_ahead_fail_again_the_rest_stays(desk: Desk) -> None:
    desk.bury(*letters(LETTERS))
    running = desk.start("redrive", f"{desk.name}-dlq", "--stop-after", "5")
    while running.poll() is None:
        desk.fail()
        time.sleep(0.05)
    assert running.stdout is not None
    said = json.loads(running.stdout.read())
    assert running.returncode == 1
    assert (said["ended"], said["moved"], said["failed_again"]) == ("failing", {desk.name: 5}, 5)
    assert desk.count(desk.dead) == LETTERS


def test_a_redrive_that_is_killed_loses_nothing_and_doubles_one_batch_at_most(desk: Desk) -> None:
    seed = random.randrange(10_000)
    sys.stdout.write(f"seed {seed}\n")
    some = random.Random(seed).randint(1, LETTERS)
    desk.bury(*letters(LETTERS))
    running = desk.start("redrive", f"{desk.name}-dlq", "--stop-after", "0", "--rate", "50")
    until(lambda: running.poll() is not None or desk.count(desk.url) >= some, within=60)
    running.send_signal(signal.SIGKILL)
    _, errors = running.communicate()
    assert running.returncode in (0, -signal.SIGKILL), errors
    # What the killed one held comes back when its hold ends; both servers let the test look at the counts.
    there, left = desk.bodies(desk.url), desk.count(desk.dead)
    assert there.keys() <= set(range(LETTERS))
    assert set(there.values()) == {1}
    assert LETTERS <= there.total() + left <= LETTERS + 10


def test_a_purge_drops_what_fits(desk: Desk) -> None:
    desk.bury(*letters(12))
    dead = f"{desk.name}-dlq"
    assert desk.run("purge", dead, code=1)["code"] == "not_confirmed"
    assert desk.run("purge", dead, "--filter", "kind=odd", "--yes")["dropped"] == 6
    assert desk.run("purge", dead, "--yes")["dropped"] == 6
    assert desk.count(desk.dead) == 0


def test_a_queue_that_is_not_there_is_named_missing(desk: Desk) -> None:
    assert desk.run("peek", "no-such-queue", code=1)["code"] == "queue_missing"
    assert desk.name in {queue["name"] for queue in desk.run("list")}
