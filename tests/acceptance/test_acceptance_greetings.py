"""From the scheduler's minute to the webhook: EventBridge Scheduler, SQS, the worker, the dead letters."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lamppost.delivery import signing
from tests.acceptance import signing_in
from tests.acceptance.account import Account
from tests.acceptance.conftest import System
from tests.receiver import Receiver, receiver
from tests.running import until

API, SCHEDULER, QUEUE = "bday-dev-api", "bday-dev-scheduler", "bday-dev-messages"
IDENTITY = "Barkbase-IdentityStack-dev"
# A real minute, the emulator's own delays, and a busy machine.
PATIENCE = 150.0

Register = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def hook(account: Account) -> Iterator[Receiver]:
    """The webhook's receiver, and the operator who has set its URL."""
    with receiver() as running:
        account.client("ssm").put_parameter(
            Name="/bday/dev/webhook-url", Value=running.url, Type="String", Overwrite=True
        )
        yield running


@pytest.fixture(scope="module")
def register(system: System) -> Register:
    """Makes a person who was born on the tenth of December, over HTTP and with a token."""
    cognito = system.account.client("cognito-idp")
    known = system.account.deployer.outputs(IDENTITY)
    who = (known["UserPoolId"], known["BdayClientId"], "clerk@example.com")
    signing_in.sign_up(cognito, *who)
    token = signing_in.sign_in(cognito, *who)["AccessToken"]

    def registered(name: str, born: str = "1990-12-10") -> dict[str, Any]:
        person = {"firstName": name, "lastName": "Doe", "dateOfBirth": born, "timezone": "UTC"}
        answer = system.account.ask(API, "POST", "/user", person, token=token)
        assert answer.status == 201, answer.body
        return dict(answer.json)

    return registered


def turn_clock(account: Account, at: datetime) -> None:
    """What no operator can do on AWS: let it be another day for the service."""
    with account.admin("bday") as admin, admin.transaction():
        admin.execute("delete from lamppost.clock")
        admin.execute("insert into lamppost.clock (shift) values (%s - now())", (at,))


def waiting(account: Account, queue: str) -> int:
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(found["Attributes"]["ApproximateNumberOfMessages"])


def test_the_schedule_finds_a_birthday_by_itself_and_the_greeting_arrives_once_and_signed(
    account: Account, hook: Receiver, register: Register
) -> None:
    turn_clock(account, datetime(2030, 12, 1, tzinfo=UTC))
    ada = register("Ada")
    assert not hook.requests
    turn_clock(account, datetime(2030, 12, 10, 9, 0, 1, tzinfo=UTC))
    until(lambda: hook.requests, within=PATIENCE)
    [request] = hook.requests
    body = json.loads(request.body)
    assert body["message"] == "Hey, Ada Doe it's your birthday"
    assert (body["userId"], body["timestamp"]) == (ada["id"], "2030-12-10T09:00:00Z")
    kept = account.client("secretsmanager").get_secret_value(SecretId="bday/dev/webhook-signing")
    signing.verify(signing.keys(kept["SecretString"]), request.headers, request.body, now=datetime.now(UTC))
    with account.admin("bday") as admin:
        delivered = "select from birthday.greetings where status = 'delivered'"
        until(lambda: admin.execute(delivered).rowcount == 1, within=PATIENCE)


def test_a_greeting_that_nobody_takes_is_tried_five_times_and_then_lies_with_the_dead_letters(
    account: Account, hook: Receiver, register: Register
) -> None:
    at = datetime(2031, 3, 3, 9, 0, 1, tzinfo=UTC)
    turn_clock(account, at - timedelta(days=1))
    register("Bob", born="1991-03-03")
    hook.requests.clear()
    hook.always(500)
    for attempt in range(1, 6):
        turn_clock(account, at + timedelta(days=attempt - 1))
        assert not account.invoke(SCHEDULER, {}).error
        until(lambda wanted=attempt: len(hook.requests) >= wanted, within=PATIENCE)
    until(lambda: waiting(account, f"{QUEUE}-dlq") == 1, within=PATIENCE)
    assert len(hook.requests) == 5
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    hook.always(200)


def test_a_message_that_no_worker_can_read_lies_with_the_dead_letters_after_five_receipts(
    account: Account, hook: Receiver
) -> None:
    sqs = account.client("sqs")
    before = waiting(account, f"{QUEUE}-dlq")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    # Six times the worker's timeout, as declared, would be a quarter of an hour here.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=url, MessageBody="{no message of ours}")
    until(lambda: waiting(account, f"{QUEUE}-dlq") == before + 1, within=PATIENCE)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "180"})
