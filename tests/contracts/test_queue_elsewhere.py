"""One contract, two servers: our SQS, and one that we did not write. Both keep it."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from lamppost.testing.plugin import MakeDatabase
from tests.bad_inputs import PROBE
from tests.once import variables
from tests.poller import FunctionFailed, Poller
from tests.sandbox import Sandbox

ATTEMPTS = 2

Work = tuple[Sandbox, psycopg.Connection[Any]]


class Server:
    """An SQS with a queue of two attempts and its dead letters."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.sqs = client("sqs")
        self.name = f"q-{secrets.token_hex(4)}"
        self.dead = self.make(f"{self.name}-dlq")
        policy = {"deadLetterTargetArn": self.attribute(self.dead, "QueueArn"), "maxReceiveCount": ATTEMPTS}
        self.url = self.make(self.name, RedrivePolicy=json.dumps(policy))

    def make(self, name: str, **attributes: str) -> str:
        url: str = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def attribute(self, url: str, name: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return str(found[name])

    def send(self, *bodies: str) -> None:
        for start in range(0, len(bodies), 10):
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries(*bodies[start : start + 10]))

    def receive(self, url: str = "", **given: Any) -> list[dict[str, Any]]:
        asked = {
            "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
            **given,
        }
        found: list[dict[str, Any]] = self.sqs.receive_message(QueueUrl=url or self.url, **asked).get(
            "Messages", []
        )
        return found

    def hide(self, message: dict[str, Any], seconds: int) -> None:
        handle = message["ReceiptHandle"]
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=seconds)


@pytest.fixture(params=["ours", "ministack"])
def server(request: pytest.FixtureRequest) -> Server:
    """The one, then the other."""
    return Server(request.getfixturevalue("aws_house" if request.param == "ours" else "ministack").client)


def entries(*bodies: str) -> list[dict[str, Any]]:
    return [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]


def refusal(call: Callable[..., Any], **given: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**given)
    return str(refused.value.response["Error"]["Code"])


# --- sending and receiving


def test_a_message_comes_with_its_attributes_its_checksums_and_what_sqs_knows(server: Server) -> None:
    attributes = {
        "kind": {"DataType": "String", "StringValue": "grüße"},
        "count": {"DataType": "Number", "StringValue": "12.5"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = server.sqs.send_message(QueueUrl=server.url, MessageBody="hé", MessageAttributes=attributes)
    [got] = server.receive()
    assert (got["Body"], got["MessageId"]) == ("hé", sent["MessageId"])
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageAttributes"] == attributes
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(got["Attributes"]["SentTimestamp"]) - time.time() * 1000) < 60_000
    assert int(got["Attributes"]["ApproximateFirstReceiveTimestamp"]) > 0


def test_a_batch_is_answered_entry_by_entry(server: Server) -> None:
    answer = server.sqs.send_message_batch(QueueUrl=server.url, Entries=entries("good", "bad \x01", "fine"))
    assert sorted(entry["Id"] for entry in answer["Successful"]) == ["0", "2"]
    assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("1", True)]
    assert sorted(message["Body"] for message in server.receive()) == ["fine", "good"]


@pytest.mark.parametrize("body", ["\x00", "\x07", "\ufffe", "\uffff", "", "x" * (1024 * 1024 + 1)], ids=ascii)
def test_a_body_that_is_no_message_is_refused(server: Server, body: str) -> None:
    assert refusal(server.sqs.send_message, QueueUrl=server.url, MessageBody=body)
    assert server.receive() == []


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ([], "EmptyBatchRequest"),
        (entries(*"abcdefghijk"), "TooManyEntriesInBatchRequest"),
        ([*entries("a"), *entries("b")], "BatchEntryIdsNotDistinct"),
        (entries("x" * 600_000, "y" * 600_000), "BatchRequestTooLong"),
    ],
    ids=["empty", "eleven", "same id", "together too long"],
)
def test_a_batch_beyond_the_limits_is_refused_as_a_whole(server: Server, batch: list[Any], code: str) -> None:
    assert refusal(server.sqs.send_message_batch, QueueUrl=server.url, Entries=batch).endswith(code)
    assert server.receive() == []


@pytest.mark.parametrize("count", [0, 11])
def test_one_to_ten_messages_can_be_received(server: Server, count: int) -> None:
    assert refusal(server.sqs.receive_message, QueueUrl=server.url, MaxNumberOfMessages=count)


def test_a_message_of_exactly_one_mebibyte_arrives_whole(server: Server) -> None:
    server.send("x" * 1024 * 1024)
    [message] = server.receive()
    assert len(message["Body"]) == 1024 * 1024


def test_a_queue_that_is_not_there_says_so(server: Server) -> None:
    missing = server.url.replace(server.name, "nowhere")
    assert refusal(server.sqs.send_message, QueueUrl=missing, MessageBody="x").endswith("NonExistentQueue")


def test_a_delay_holds_a_message_back(server: Server) -> None:
    server.sqs.send_message(QueueUrl=server.url, MessageBody="later", DelaySeconds=1)
    assert server.receive() == []
    assert server.attribute(server.url, "ApproximateNumberOfMessagesDelayed") == "1"
    [message] = server.receive(WaitTimeSeconds=10)
    assert message["Body"] == "later"


# --- visibility


def test_who_receives_hides_and_who_hides_for_nothing_gives_back(server: Server) -> None:
    server.send("x")
    [first] = server.receive(VisibilityTimeout=60)
    assert server.receive() == []
    assert server.attribute(server.url, "ApproximateNumberOfMessagesNotVisible") == "1"
    server.hide(first, 0)
    [again] = server.receive(VisibilityTimeout=60)
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_visibility_that_ends_brings_the_message_back(server: Server) -> None:
    server.send("x")
    server.receive(VisibilityTimeout=1)
    [again] = server.receive(WaitTimeSeconds=10)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_many_are_hidden_and_deleted_in_one_call(server: Server) -> None:
    server.send("a", "b", "c")
    taken = server.receive(VisibilityTimeout=60)
    handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(taken)]
    hidden = [{**handle, "VisibilityTimeout": 0} for handle in handles[:2]]
    answer = server.sqs.change_message_visibility_batch(QueueUrl=server.url, Entries=hidden)
    assert len(answer["Successful"]) == 2
    assert len(server.receive(VisibilityTimeout=60)) == 2
    server.sqs.delete_message_batch(QueueUrl=server.url, Entries=handles[2:])
    assert server.attribute(server.url, "ApproximateNumberOfMessagesNotVisible") == "2"


def test_what_is_deleted_stays_away(server: Server) -> None:
    server.send("x")
    [message] = server.receive(VisibilityTimeout=0)
    server.sqs.delete_message(QueueUrl=server.url, ReceiptHandle=message["ReceiptHandle"])
    assert server.receive() == []


# --- dead letters


def test_a_message_received_too_often_lies_with_the_dead_letters_as_itself(server: Server) -> None:
    server.send("poison")
    for _ in range(ATTEMPTS):
        [message] = server.receive(VisibilityTimeout=0)
    assert server.receive() == []
    [letter] = server.receive(server.dead)
    assert (letter["Body"], letter["MessageId"]) == ("poison", message["MessageId"])
    assert letter["Attributes"]["SentTimestamp"] == message["Attributes"]["SentTimestamp"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(f":{server.name}")


def test_purging_empties_a_queue(server: Server) -> None:
    server.send("a", "b")
    server.sqs.purge_queue(QueueUrl=server.url)
    assert server.receive() == []


# --- a function behind the queue


@pytest.fixture
def work(database: MakeDatabase, tmp_path: Path) -> Iterator[Work]:
    """A function that writes down well-formed messages, in a process of its own."""
    made = database(folders=(("probe", PROBE / "services" / "probe" / "migrations"),))
    sandbox = Sandbox(tmp_path, "tests.data.probe.services.probe.service", "work", variables(made.app))
    yield sandbox, made.connect()
    sandbox.close()


def test_a_message_that_a_function_cannot_read_comes_back_until_it_dies_and_its_neighbours_are_done(
    server: Server, work: Work
) -> None:
    sandbox, db = work
    server.sqs.set_queue_attributes(QueueUrl=server.url, Attributes={"VisibilityTimeout": "1"})
    server.send('{"job": "one"}', "{no job}", '{"job": "two"}')
    poller = Poller(server.sqs, server.name, sandbox.invoke)
    while server.attribute(server.dead, "ApproximateNumberOfMessages") == "0":
        poller.poll(wait=2)
    assert sorted(db.execute("select said from probe.marks").fetchall()) == [("one",), ("two",)]
    assert poller.deliveries == 2 + ATTEMPTS
    [letter] = server.receive(server.dead)
    assert letter["Body"] == "{no job}"


def test_a_function_that_fails_as_a_whole_brings_its_batch_back(server: Server) -> None:
    def broken(event: dict[str, Any]) -> dict[str, Any]:
        raise FunctionFailed

    server.sqs.set_queue_attributes(QueueUrl=server.url, Attributes={"VisibilityTimeout": "1"})
    server.send("a", "b")
    poller = Poller(server.sqs, server.name, broken)
    while server.attribute(server.dead, "ApproximateNumberOfMessages") != "2":
        poller.poll(wait=2)
    assert sorted(letter["Body"] for letter in server.receive(server.dead)) == ["a", "b"]
