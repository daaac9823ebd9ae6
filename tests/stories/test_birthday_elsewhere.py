"""The birthday service's own functions on an AWS that we did not write: its queue, parameters and secrets.

Between queue and worker stands a poller that does what SQS may do: it delivers each message up
to three times, late, in any order, to two workers at once.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.testing.databases import TestDatabase
from lamppost.testing.plugin import MakeDatabase
from tests.bad_inputs import event
from tests.birthday import SIGNING_SECRET
from tests.ministack import Ministack
from tests.poller import Poller
from tests.receiver import Received, Receiver, Reply, receiver
from tests.sandbox import Sandbox

SERVICE = "services.birthday.service"
PEOPLE = 48
# Nine o'clock falls on eight different minutes here.
ZONES = (
    "Pacific/Auckland", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin",
    "Europe/London", "America/St_Johns", "America/New_York", "Pacific/Honolulu",
)  # fmt: skip
QUEUE = "bday-dev-messages"


class Town:
    """People, the service's three functions, a database, and ministack for everything of AWS."""

    def __init__(self, database: TestDatabase, stack: Ministack, hook: str, folder: Path) -> None:
        self.sqs = stack.client("sqs")
        self._admin = psycopg.connect(database.admin, autocommit=True)
        self._furnish(stack, database, hook)
        variables = {
            **stack.environment(),
            "DB_NAME": database.name,
            "LAMPPOST_ALLOW_WEBHOOK": "loopback",
        }
        self.sandboxes = {
            name: self._sandbox(folder / name, name.split("-")[0], variables)
            for name in ("api", "scheduler", "worker-1", "worker-2")
        }

    def _sandbox(self, folder: Path, function: str, variables: dict[str, str]) -> Sandbox:
        folder.mkdir()
        return Sandbox(folder, SERVICE, function, variables)

    def _furnish(self, stack: Ministack, database: TestDatabase, hook: str) -> None:
        parts = psycopg.conninfo.conninfo_to_dict(database.app)
        keys = {
            "username": "user",
            "password": "password",
            "host": "host",
            "port": "port",
            "dbname": "dbname",
        }
        secret = json.dumps({name: parts[part] for name, part in keys.items()})
        secrets = stack.client("secretsmanager")
        for name, text in (("bday/dev/db-credentials", secret), ("bday/dev/webhook-signing", SIGNING_SECRET)):
            secrets.create_secret(Name=name, SecretString=text)
        stack.client("ssm").put_parameter(Name="/bday/dev/webhook-url", Value=hook, Type="String")
        dead = self.sqs.create_queue(QueueName=f"{QUEUE}-dlq")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 5}
        self.sqs.create_queue(
            QueueName=QUEUE,
            Attributes={"VisibilityTimeout": "180", "RedrivePolicy": json.dumps(policy)},
        )

    def close(self) -> None:
        for sandbox in self.sandboxes.values():
            sandbox.close()
        self._admin.close()

    def now_is(self, at: datetime) -> None:
        self._admin.execute("delete from lamppost.clock")
        self._admin.execute("insert into lamppost.clock (shift) values (%s - now())", (at,))

    def ask(self, route: str, body: Any = None, **path: str) -> Any:
        """An HTTP request's answer."""
        raw = json.dumps(body).encode() if body is not None else None
        given = event(route, raw, path=path)
        given["requestContext"]["http"]["sourceIp"] = "192.0.2.1"
        answer = self.sandboxes["api"].invoke(given)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    def tick(self, at: datetime) -> None:
        self.sandboxes["scheduler"].invoke({"time": at.isoformat()})


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def town(database: MakeDatabase, ministack: Ministack, hook: Receiver, tmp_path: Path) -> Iterator[Town]:
    made = Town(database("birthday"), ministack, hook.url, tmp_path)
    yield made
    made.close()


def workers(town: Town) -> Any:
    """Two sandboxes, each busy with one batch at a time, taken in turns."""
    free = [town.sandboxes["worker-1"], town.sandboxes["worker-2"]]
    room = threading.Semaphore(len(free))

    def invoke(batch: dict[str, Any]) -> Any:
        with room:
            mine = free.pop()
            try:
                return mine.invoke(batch)
            finally:
                free.append(mine)

    return invoke


def test_on_another_sqs_every_greeting_arrives_and_takes_effect_once(town: Town, hook: Receiver) -> None:
    seed = random.randrange(10_000)
    print("seed", seed)
    chance = random.Random(seed)
    handled: Counter[str] = Counter()

    def moody(request: Received) -> Reply:
        if chance.random() < 0.1:
            return Reply(503)
        handled[request.headers["webhook-id"]] += 1
        return Reply()

    hook.answer = moody
    morning = datetime(2031, 3, 14, 12, tzinfo=UTC)
    town.now_is(morning)
    people = [
        town.ask(
            "POST /user",
            {
                "firstName": f"P{number}",
                "lastName": "Doe",
                "dateOfBirth": "1990-03-15",
                "timezone": ZONES[number % len(ZONES)],
            },
        )["id"]
        for number in range(PEOPLE)
    ]
    poller = Poller(town.sqs, QUEUE, workers(town), seed=seed, most=3, batch=3)
    with ThreadPoolExecutor(2) as lanes:
        for hour in range(72):
            at = morning + timedelta(hours=hour)
            town.now_is(at)
            for _ in range(chance.randint(1, 2)):
                town.tick(at)
            # Some ticks go by before anybody looks: then the oldest message is not the first to come.
            if chance.random() < 0.4:
                poller.poll(lanes=lanes)
            if len(handled) == PEOPLE:
                break
        poller.poll(lanes=lanes)

    posts: dict[str, set[str]] = {}
    for request in hook.requests:
        body = json.loads(request.body)
        posts.setdefault(body["userId"], set()).add(request.headers["webhook-id"])
    repeated = handled.total() - len(handled)
    print(
        f"{poller.messages} messages, {poller.deliveries} deliveries, {len(hook.requests)} posts,"
        f" {repeated} repeated after a success"
    )
    assert posts.keys() == set(people), "nobody is forgotten"
    assert {len(ids) for ids in posts.values()} == {1}, "a person's posts carry one id"
    assert len(handled) == PEOPLE, "by its id each greeting takes effect once"
    assert poller.deliveries > poller.messages > len(ZONES) / 2
    years = {town.ask("GET /user/{id}", id=person)["nextGreetingAt"][:4] for person in people}
    assert years == {"2032"}
