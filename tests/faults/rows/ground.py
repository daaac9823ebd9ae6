"""Where the rows of the fault matrix are played: the birthday service's own functions, and nothing is a fake.

PostgreSQL and the local AWS port stand each at the end of a line that can be cut, the auditor is the
receiver, and between queue and worker is done what Lambda's event source mapping does.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg

from tests.contracts.aws_house import AwsHouse
from tests.faults.auditor import Auditor
from tests.faults.rows.aws_line import AwsLine
from tests.faults.rows.functions import Functions, Run
from tests.faults.rows.postgres_line import PostgresLine
from tests.running import until

QUEUE = "bday-dev-messages"
DEAD = f"{QUEUE}-dlq"
SECRET = "whsec_" + "c2VjcmV0" * 4
START = datetime(2031, 1, 1, tzinfo=UTC)
# Who was born today and is greeted within the hour lives here, by the hour's number in UTC.
ZONES = [f"Etc/GMT{hour - 9:+d}" if hour < 22 else f"Etc/GMT{hour - 33:+d}" for hour in range(24)]
# The waits between five attempts, each with its longest spread.
RETRIES = [timedelta(seconds=7), timedelta(minutes=7), timedelta(minutes=37), timedelta(minutes=150)]
_INSERT = """
with person as (
    insert into birthday.people (first_name, last_name, date_of_birth, timezone, created_at, updated_at)
    select 'P' || n, 'Doe', make_date(1990, %(month)s, %(day)s), %(zone)s, lamppost.now(), lamppost.now()
      from generate_series(1, %(count)s) as n
 returning *
)
insert into birthday.dates (person_id, kind, day, leap_day, year, wall, zone, tzdata, due_at)
select id, 'birthday', date_of_birth, leap_day, %(year)s, %(wall)s, timezone, 'any', %(strikes)s
  from person
returning person_id::text"""
UNSETTLED = """
select count(*)
  from unnest(%s::uuid[]) as person
 where not exists (select from birthday.greetings g
                    where g.person_id = person and g.status in ('delivered', 'dead'))"""


class Ground:
    """One database, one AWS, one receiver, and the clock in a test's hands: every round is an hour."""

    def __init__(self, database: Any, folder: Path) -> None:
        self.database = database
        self.auditor = Auditor(folder, SECRET)
        self.connect()
        self.aws = AwsHouse(database.admin, folder)
        self.sqs = self.aws.client("sqs")
        self._furnish()
        parts = psycopg.conninfo.conninfo_to_dict(database.app)
        self.line = PostgresLine(str(parts["host"]), int(str(parts["port"])))
        self.aws_line = AwsLine(self.aws.url)
        self.functions = Functions(
            folder,
            {
                "AWS_ENDPOINT_URL": self.aws_line.url,
                "AWS_REGION": "us-east-2",
                "AWS_DEFAULT_REGION": "us-east-2",
                "AWS_ACCESS_KEY_ID": "any",
                "AWS_SECRET_ACCESS_KEY": "any",
                "DB_HOST": "127.0.0.1",
                "DB_PORT": str(self.line.port),
                "DB_NAME": str(parts["dbname"]),
                "DB_USER": str(parts["user"]),
                "DB_PASSWORD": str(parts["password"]),
                "LAMPPOST_ALLOW_WEBHOOK": "loopback",
            },
        )
        self.people: list[dict[str, Any]] = []
        self.at = START
        self.set_clock(START)

    def _furnish(self) -> None:
        self.urls = {name: self.sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (QUEUE, DEAD)}
        arn = self.sqs.get_queue_attributes(QueueUrl=self.urls[DEAD], AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        self.sqs.set_queue_attributes(
            QueueUrl=self.urls[QUEUE], Attributes={"RedrivePolicy": json.dumps(policy)}
        )
        self.point_to(self.auditor.hook)
        self.aws.client("secretsmanager").create_secret(Name="bday/dev/webhook-signing", SecretString=SECRET)

    def connect(self) -> None:
        """The administrator's connection, a new one where the server was another."""
        self.admin = psycopg.connect(self.database.admin, autocommit=True)

    def point_to(self, url: str) -> None:
        """Where greetings go from now on."""
        self.aws.client("ssm").put_parameter(
            Name="/bday/dev/webhook-url", Value=url, Type="String", Overwrite=True
        )

    def anew(self) -> None:
        """A row begins: who came before is forgotten, and everything works."""
        self.line.calm()
        self.aws_line.calm()
        self.auditor.anew()
        self.people = []
        for queue in self.urls:
            self.aws.run(self.aws.queues.purge(queue))

    def close(self) -> None:
        """Leave nothing behind."""
        self.functions.close()
        self.aws_line.close()
        self.line.close()
        self.aws.close()
        self.admin.close()
        self.auditor.close()

    # --- people and time

    def set_clock(self, at: datetime) -> None:
        """Jump."""
        self.at = at
        with self.admin.transaction():
            self.admin.execute("delete from lamppost.clock")
            self.admin.execute("insert into lamppost.clock (shift) values (%s - clock_timestamp())", (at,))

    def register(self, count: int, **fields: str) -> list[str]:
        """People who come in over the API at this moment; their ids. `fields` are POST /user's."""
        return [self._register({"firstName": f"P{len(self.people)}", **fields}) for _ in range(count)]

    def _register(self, fields: dict[str, str]) -> str:
        body = {"lastName": "Doe", "dateOfBirth": f"1990-{self.at:%m-%d}", **fields}
        answer = self.call("api", http("POST /user", body))
        assert answer["statusCode"] == 201, answer
        person = str(json.loads(answer["body"])["id"])
        self.people.append(
            {
                "id": person,
                "born": body["dateOfBirth"],
                "zone": body["timezone"],
                "known": self.at.isoformat(),
            }
        )
        return person

    def pass_time(self, length: timedelta) -> None:
        """Jump from where the clock is by now: it runs on while we work."""
        (now,) = self.admin.execute("select lamppost.now()").fetchone() or (self.at,)
        self.set_clock(now + length)

    def round(self, count: int = 3) -> list[str]:
        """A new hour: so many who are greeted in it are registered before, and now it strikes."""
        strikes = self.at.replace(minute=0, second=0, microsecond=0) + timedelta(
            hours=2 if self.at.minute else 1
        )
        self.set_clock(strikes - timedelta(minutes=1))
        people = insert(self.admin, count, strikes)
        self.people += people
        self.set_clock(strikes)
        return [person["id"] for person in people]

    # --- functions

    def call(self, function: str, event: Any) -> Any:
        """A function's answer. Raises AssertionError when it failed."""
        answer = self.functions.start(function, event).wait()
        if answer is None or "result" not in answer:
            raise AssertionError(f"{function}: {answer}\n{self.functions.log.read_text()[-3000:]}")
        return answer["result"]

    def tick(self) -> Any:
        """A minute of the schedule; what came of it, or None when it died."""
        return self.functions.start("scheduler", self.minute()).wait()

    def minute(self) -> dict[str, str]:
        """The schedule's event."""
        return {"time": self.at.isoformat()}

    def take(self, most: int = 10) -> list[dict[str, Any]]:
        """Messages for the worker, received as the mapping does."""
        return list(
            self.sqs.receive_message(
                QueueUrl=self.urls[QUEUE], MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"]
            ).get("Messages", [])
        )

    def done(self, messages: list[dict[str, Any]], answer: Any) -> None:
        """Delete what the worker handled; what it did not is received again."""
        result = (answer or {}).get("result") if answer and "result" in answer else None
        failed = {each["itemIdentifier"] for each in (result or {}).get("batchItemFailures", [])}
        for message in messages:
            if answer is None or "error" in answer or message["MessageId"] in failed:
                self.sqs.change_message_visibility(
                    QueueUrl=self.urls[QUEUE], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            else:
                self.sqs.delete_message(QueueUrl=self.urls[QUEUE], ReceiptHandle=message["ReceiptHandle"])

    def deliver(self, **variables: str) -> None:
        """Hand over what is on the queue, once."""
        messages = self.take()
        if messages:
            self.done(messages, self.functions.start("worker", records(messages), **variables).wait())

    def leases_end(self) -> None:
        """The time that a dead worker's lease still has is over."""
        self.admin.execute(
            "update birthday.chunks set leased_until = clock_timestamp() - interval '1 ms'"
            " where leased_until is not null"
        )

    def messages_end(self) -> None:
        """The six minutes are over after which a chunk goes out again whose message nobody could use.

        `done` gives a message back at once, so an outage of a second uses up all five receipts.
        """
        self.admin.execute(
            "update birthday.chunks set sent_at = sent_at - interval '6 minutes' where leased_until is null"
        )

    def heal(self, people: list[str], *, within: float = 30) -> float:
        """Ticks and deliveries until all of them are dead or delivered; the seconds it took."""
        begun = monotonic()
        until(lambda: self._healed(people), within=within)
        return monotonic() - begun

    def _healed(self, people: list[str]) -> bool:
        # Again and again: a server may commit a dead worker's lease a moment after that one died.
        self.leases_end()
        self.tick()
        self.deliver()
        return self.unsettled(people) == 0

    def unsettled(self, people: list[str]) -> int:
        """How many were never greeted, nor given up."""
        (count,) = self.admin.execute(UNSETTLED, (people,)).fetchone() or (0,)
        return int(count)

    def waits_pass(self) -> None:
        """Every retry there may be comes, and the worker each time."""
        for wait in RETRIES:
            self.tick()
            self.deliver()
            self.pass_time(wait)
        self.tick()
        self.deliver()

    def waiting(self, queue: str = QUEUE) -> int:
        """Messages on a queue, received or not."""
        kept = self.sqs.get_queue_attributes(QueueUrl=self.urls[queue], AttributeNames=["All"])["Attributes"]
        return int(kept["ApproximateNumberOfMessages"]) + int(kept["ApproximateNumberOfMessagesNotVisible"])

    def chunks(self) -> int:
        """Chunks that are on their way."""
        (count,) = self.admin.execute("select count(*) from birthday.chunks").fetchone() or (0,)
        return int(count)

    def greeted(self, people: list[str]) -> int:
        """Of how many a try is recorded, whatever came of it."""
        recorded = "select count(*) from birthday.greetings where person_id = any(%s::uuid[])"
        (count,) = self.admin.execute(recorded, (people,)).fetchone() or (0,)
        return int(count)

    def audit(self) -> dict[str, Any]:
        """What the auditor says of everybody so far."""
        return self.auditor.compare(self.database.admin, self.people, self.at)


def insert(admin: "psycopg.Connection[Any]", count: int, strikes: datetime) -> list[dict[str, Any]]:
    """As POST /user does it, and much faster: `count` people who are greeted at this full hour."""
    zone = ZONES[strikes.hour]
    wall = strikes.astimezone(UTC) - timedelta(hours=int(zone.removeprefix("Etc/GMT") or 0))
    rows = admin.execute(
        _INSERT,
        {
            "count": count, "month": wall.month, "day": wall.day, "year": wall.year, "zone": zone,
            "wall": wall.replace(tzinfo=None), "strikes": strikes,
        },
    ).fetchall()  # fmt: skip
    known = (strikes - timedelta(minutes=1)).isoformat()
    born = f"1990-{wall:%m-%d}"
    return [{"id": str(row[0]), "born": born, "zone": zone, "known": known} for row in rows]


def records(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Lambda's event for these messages."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-2:000000000000:{QUEUE}",
                "awsRegion": "us-east-2",
            }
            for message in messages
        ]
    }


def http(route: str, body: Any, **path: str) -> dict[str, Any]:
    """API Gateway's event for a request."""
    from tests.bad_inputs import event

    given = event(route, json.dumps(body).encode(), path=path)
    given["requestContext"]["http"]["sourceIp"] = "192.0.2.1"
    return given


@contextmanager
def ground(database: Any, folder: Path) -> Iterator[Ground]:
    """A ground of one's own in `folder`."""
    place = folder / secrets.token_hex(3)
    place.mkdir()
    made = Ground(database, place)
    try:
        yield made
    finally:
        made.close()


__all__ = ["Ground", "Run", "ground", "records"]
