"""Unmodified boto3 sends, receives and is refused as on SQS."""

import threading
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contracts.aws_house import FUNCTION_KEY, AwsHouse


@pytest.fixture
def sqs(aws_house: AwsHouse) -> Any:
    return aws_house.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    found: str = sqs.get_queue_url(QueueName="bday-messages")["QueueUrl"]
    return found


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_message_comes_back_with_its_attributes_and_checksums(sqs: Any, url: str) -> None:
    attributes = {
        "kind": {"DataType": "String", "StringValue": "grüße"},
        "raw": {"DataType": "Binary.png", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attributes)
    [got] = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert got["Body"] == "hello"
    assert got["MessageId"] == sent["MessageId"]
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["MessageAttributes"] == attributes
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(got["Attributes"]["SentTimestamp"]) - time.time() * 1000) < 60_000


def test_a_queue_answers_to_its_dev_name_and_its_prod_name(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="one")
    dev = sqs.get_queue_url(QueueName="bday-dev-messages")["QueueUrl"]
    assert sqs.receive_message(QueueUrl=dev)["Messages"][0]["Body"] == "one"
    listed = sqs.list_queues(QueueNamePrefix="bday-")["QueueUrls"]
    assert {item.rpartition("/")[2] for item in listed} >= {"bday-messages", "bday-dev-messages"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("a\x00b", "InvalidMessageContents"),
        ("bell \x07", "InvalidMessageContents"),
        ("\ufffe", "InvalidMessageContents"),
        ("\uffff", "InvalidMessageContents"),
        ("", "MissingParameter"),
        ("x" * (1024 * 1024 + 1), "InvalidParameterValue"),
    ],
    ids=["nul", "bell", "fffe", "ffff", "empty", "too long"],
)
def test_a_body_that_sqs_refuses_is_refused(sqs: Any, url: str, body: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    assert code_of(refused) == code


def test_a_message_of_exactly_one_mebibyte_is_taken(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024 * 1024)
    assert len(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]) == 1024 * 1024


def entries(*bodies: str) -> list[dict[str, str]]:
    return [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        (entries(*"abcdefghijk"), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ([*entries("a"), *entries("b")], "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        (entries("x" * 600_000, "y" * 600_000), "AWS.SimpleQueueService.BatchRequestTooLong"),
    ],
    ids=["empty", "eleven", "same id", "odd id", "together too long"],
)
def test_a_batch_that_sqs_refuses_is_refused(sqs: Any, url: str, batch: list[Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.send_message_batch(QueueUrl=url, Entries=batch)
    assert code_of(refused) == code


def test_one_bad_entry_does_not_hold_up_its_batch(sqs: Any, url: str) -> None:
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries("good", "bad \x01"))
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "InvalidMessageContents")]


@pytest.mark.parametrize(
    "given", [{"DelaySeconds": 901}, {"DelaySeconds": -1}, {"MessageDeduplicationId": "x"}], ids=str
)
def test_a_delay_beyond_fifteen_minutes_and_fifo_settings_are_refused(
    sqs: Any, url: str, given: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=url, MessageBody="x", **given)
    assert code_of(refused) == "InvalidParameterValue"


def test_a_missing_queue_has_the_old_code_and_the_new_exception(sqs: Any, aws_house: AwsHouse) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as missing:
        sqs.send_message(QueueUrl=f"{aws_house.url}/000000000000/nowhere", MessageBody="x")
    assert missing.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_hidden_message_is_hidden_until_its_visibility_is_set_to_zero(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    [again] = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_stale_receipt_deletes_nothing(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x")
    stale = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    fresh = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=stale)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=fresh)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_a_receipt_we_never_gave_out_is_refused(sqs: Any, url: str) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.delete_message(QueueUrl=url, ReceiptHandle="made up")
    assert code_of(refused) == "ReceiptHandleIsInvalid"
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "made up"}])
    assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"


def test_a_message_received_too_often_dies_with_its_first_date_and_can_be_redriven(
    sqs: Any, url: str
) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    sqs.send_message(QueueUrl=url, MessageBody="fine")
    first = {}
    for _ in range(2):
        for message in sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["SentTimestamp"], VisibilityTimeout=30
        )["Messages"]:
            first[message["Body"]] = message["Attributes"]["SentTimestamp"]
            if message["Body"] == "fine":
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            else:
                sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    dead = sqs.get_queue_url(QueueName="bday-messages-dlq")["QueueUrl"]
    [letter] = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert letter["Body"] == "poison"
    assert letter["Attributes"]["SentTimestamp"] == first["poison"]
    assert letter["Attributes"]["DeadLetterQueueSourceArn"].endswith(":bday-dev-messages")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.start_message_move_task(SourceArn=arn)
    [back] = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert (back["Body"], back["Attributes"]["ApproximateReceiveCount"]) == ("poison", "1")
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "COMPLETED"


def test_a_long_poll_ends_as_soon_as_a_message_is_sent(sqs: Any, url: str, aws_house: AwsHouse) -> None:
    got: list[Any] = []

    def poll() -> None:
        client = aws_house.client("sqs")
        got.append((client.receive_message(QueueUrl=url, WaitTimeSeconds=15), time.monotonic()))

    poller = threading.Thread(target=poll)
    poller.start()
    listening(aws_house, "bday-dev-messages")
    sent_at = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="wake up")
    poller.join(14)
    assert got[0][0]["Messages"][0]["Body"] == "wake up"
    assert got[0][1] - sent_at < 10


def listening(house: AwsHouse, queue: str) -> None:
    """Return once a receive waits at `queue`'s bell."""
    deadline = time.monotonic() + 10
    while not house.call(lambda: vars(house.queues.listen(queue))["_waiters"]):
        assert time.monotonic() < deadline


def test_operators_make_change_and_remove_queues(sqs: Any, url: str) -> None:
    made = sqs.create_queue(QueueName="mine", Attributes={"VisibilityTimeout": "7"})["QueueUrl"]
    assert sqs.create_queue(QueueName="mine", Attributes={"VisibilityTimeout": "7"})["QueueUrl"] == made
    with pytest.raises(ClientError) as other:
        sqs.create_queue(QueueName="mine", Attributes={"VisibilityTimeout": "8"})
    assert code_of(other) == "QueueAlreadyExists"
    sqs.set_queue_attributes(QueueUrl=made, Attributes={"DelaySeconds": "9"})
    shown = sqs.get_queue_attributes(QueueUrl=made, AttributeNames=["All"])["Attributes"]
    assert (shown["VisibilityTimeout"], shown["DelaySeconds"]) == ("7", "9")
    sqs.delete_queue(QueueUrl=made)
    with pytest.raises(ClientError):
        sqs.get_queue_url(QueueName="mine")
    dead = sqs.get_queue_url(QueueName="bday-messages-dlq")["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"][0].endswith("/bday-dev-messages")


def test_fifo_queues_are_refused_clearly(sqs: Any) -> None:
    with pytest.raises(ClientError, match="FIFO"):
        sqs.create_queue(QueueName="mine.fifo", Attributes={"FifoQueue": "true"})


def test_a_function_may_send_where_it_was_granted_and_nothing_else(aws_house: AwsHouse, url: str) -> None:
    mine = aws_house.client("sqs", key=FUNCTION_KEY)
    mine.send_message_batch(QueueUrl=url, Entries=entries("allowed"))
    with pytest.raises(ClientError) as refused:
        mine.receive_message(QueueUrl=url)
    assert code_of(refused) == "AccessDenied"
    assert str(refused.value).endswith(
        "User: arn:aws:sts::000000000000:assumed-role/bday-dev-scheduler-role/bday-dev-scheduler is not"
        " authorized to perform: sqs:ReceiveMessage on resource:"
        " arn:aws:sqs:us-east-2:000000000000:bday-dev-messages because no identity-based policy allows the"
        " sqs:ReceiveMessage action"
    )


def test_purging_empties_a_queue(sqs: Any, url: str) -> None:
    sqs.send_message_batch(QueueUrl=url, Entries=entries("a", "b"))
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
