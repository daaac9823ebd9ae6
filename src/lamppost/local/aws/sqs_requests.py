"""Reading SQS's requests and batches, and saying what became of them. Pure."""

from lamppost.declare import names
from lamppost.errors import CallerError
from lamppost.local import queue_rules
from lamppost.local.aws import sqs_messages
from lamppost.local.aws.calls import Answer, Call, Given, present, refused
from lamppost.local.queue_records import Outgoing
from lamppost.local.queues import QueueInUse, QueueMissing, ReceiptInvalid, read_handle


def translated(error: QueueMissing | QueueInUse | ReceiptInvalid) -> CallerError:
    """What SQS says about an error of `Queues`."""
    if isinstance(error, QueueMissing):
        return refused("QueueDoesNotExist", "The specified queue does not exist.")
    if isinstance(error, QueueInUse):
        return refused("InvalidParameterValue", error.what)
    return refused("ReceiptHandleIsInvalid", error.what, status=404)


def queue_name(given: Given) -> str:
    """The queue a call names, by name or by the last part of its URL, whatever the host."""
    name: str = given["QueueName"] if "QueueName" in given else given["QueueUrl"].rstrip("/")
    return name.rpartition("/")[2]


def arn_name(arn: str) -> str:
    """The queue in an ARN."""
    return arn.rpartition(":")[2]


def queue_url(call: Call, name: str) -> str:
    """A queue's URL, on the host the caller reached us by."""
    return f"http://{call.host}/{names.LOCAL_ACCOUNT}/{name}"


def page_of(found: list[str], given: Given) -> tuple[list[str], str | None]:
    """The page of `found` a list call asks for, and the token of the next."""
    size = given.get("MaxResults")
    after = given.get("NextToken", "")
    left = sorted(name for name in found if name > after)
    if size is None or len(left) <= size:
        return left, None
    queue_rules.within("MaxResults", size, 1, 1000)
    return left[:size], left[size - 1]


def entries_of(given: Given) -> list[Given]:
    """A batch's entries. Raises `CallerError` when SQS would refuse the batch as a whole."""
    entries: list[Given] = given["Entries"]
    queue_rules.check_batch_ids([entry["Id"] for entry in entries])
    return entries


def outgoing(given: Given, queue_delay: int) -> tuple[Outgoing, int]:
    """The message to send and its size in bytes. Raises `CallerError` when SQS refuses it."""
    if "MessageDeduplicationId" in given:
        raise refused(
            "InvalidParameterValue", "The request includes a parameter that is not valid for this queue type."
        )
    delay = queue_rules.within(
        "DelaySeconds", given.get("DelaySeconds", queue_delay), 0, queue_rules.DELAY_SECONDS
    )
    attributes = given.get("MessageAttributes", {})
    size = queue_rules.check_message(given["MessageBody"], attributes)
    return sqs_messages.outgoing(given, delay), size


def sent(message: Outgoing, given: Given) -> Answer:
    """What the sender of `message` hears."""
    return present(
        MessageId=str(message.message_id),
        MD5OfMessageBody=sqs_messages.md5(message.body.encode()),
        MD5OfMessageAttributes=sqs_messages.attributes_md5(given.get("MessageAttributes", {})),
        MD5OfMessageSystemAttributes=sqs_messages.attributes_md5(given.get("MessageSystemAttributes", {})),
    )


def receipts(entries: list[Given]) -> tuple[list[Given], list[Answer]]:
    """The entries with a receipt handle of ours and a visibility SQS takes, and the others' failures."""
    good: list[Given] = []
    failed: list[Answer] = []
    for entry in entries:
        try:
            read_handle(entry["ReceiptHandle"])
            if "VisibilityTimeout" in entry:
                visibility(entry)
        except ReceiptInvalid as wrong:
            failed.append(failed_entry(entry, translated(wrong)))
        except CallerError as wrong:
            failed.append(failed_entry(entry, wrong))
        else:
            good.append(entry)
    return good, failed


def failed_entry(entry: Given, error: CallerError) -> Answer:
    """An entry that failed while the rest of its batch went on."""
    return {"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.what}


def visibility(given: Given) -> int:
    """The seconds a ChangeMessageVisibility call asks for."""
    seconds: int | None = given.get("VisibilityTimeout")
    if seconds is None:
        raise refused("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
    return queue_rules.within("VisibilityTimeout", seconds, 0, queue_rules.VISIBILITY_SECONDS)


def not_in_flight() -> CallerError:
    """Only a message that someone received can be hidden for longer or shorter."""
    return refused("MessageNotInflight", "The specified message isn't in flight.")
