"""Messages and events that nobody should send: poison is buried alone, and everyone hears why."""

import json
from typing import Any

import boto3
import pytest

from tests.running import House, until

V1 = {"resource": "/user", "path": "/user", "httpMethod": "POST", "headers": {}, "body": "{}"}
EVENTS = {
    "REST API": V1,
    "nothing": {},
    "a list": [],
    "null": None,
    "a text": "x",
    "EventBridge": {"version": "0", "detail-type": "x", "detail": None},
    "SNS": {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]},
    "half an API event": {"version": "2.0", "requestContext": {"http": None}},
}


def client(house: House, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
def test_an_api_function_tells_an_event_that_is_not_its_own(house: House, event: Any) -> None:
    answer = client(house, "lambda").invoke(FunctionName="bday-api", Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer
    said = json.loads(answer["Payload"].read())
    assert (said["statusCode"], json.loads(said["body"])["code"]) == (500, "internal_error")
    assert "unsupported_event" in house.logs("bday-api")


def test_a_body_that_is_not_the_base64_it_claims_to_be_is_a_400(house: House) -> None:
    event = {
        "routeKey": "POST /user",
        "rawPath": "/user",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST"}},
        "isBase64Encoded": True,
        "body": "!!",
    }
    answer = client(house, "lambda").invoke(FunctionName="bday-api", Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read())
    assert (said["statusCode"], json.loads(said["body"])["code"]) == (400, "invalid_base64")


@pytest.mark.parametrize("event", EVENTS.values(), ids=list(EVENTS))
@pytest.mark.parametrize("function", ["bday-worker", "bday-scheduler"])
def test_the_other_functions_survive_any_event(house: House, function: str, event: Any) -> None:
    answer = client(house, "lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        assert said["errorType"] == "AuthorError", said
    answer = client(house, "lambda").invoke(FunctionName=function, Payload=b'{"Records":[]}')
    assert "FunctionError" not in answer


POISON = {
    "no JSON": "hello",
    "another schema": '{"v":1}',
    "a field too many": '{"job":"x","tenant":"y"}',
    "another type": '{"job":1}',
    "SNS's envelope": '{"Type":"Notification","Message":"{}"}',
    "a list": "[]",
    "null": "null",
    "deep": "[" * 100_000,
    "NaN": '{"job":NaN}',
    "half a pair": '{"job":"\\ud800"}',
    "NUL": '{"job":"a\\u0000b"}',
}


def test_poison_is_buried_and_the_rest_of_its_batch_is_done(probe: House) -> None:
    sqs = client(probe, "sqs")
    url = sqs.get_queue_url(QueueName="probe-jobs")["QueueUrl"]
    bodies = [*POISON.values(), *(json.dumps({"job": f"good {n}"}) for n in range(9))]
    sent = {sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]: body for body in bodies}
    with probe.database("probe") as admin:
        good = until(
            lambda: (
                len(rows := admin.execute("select said from probe.marks where said like 'good%'").fetchall())
                >= 9
                and rows
            )
        )
    assert sorted(row[0] for row in good) == [f"good {n}" for n in range(9)]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    warned = until(lambda: (logged := probe.logs("probe-work")).count("message.returned") >= 1 and logged)
    assert all(name in warned for name in sent if sent[name] in POISON.values())


REFUSED = [
    ({"MessageBody": "a\x01b"}, "InvalidMessageContents"),
    ({"MessageBody": "a\uffff"}, "InvalidMessageContents"),
    ({"MessageBody": "a" * 1_048_577}, "InvalidParameterValue"),
    ({"MessageBody": ""}, "MissingParameter"),
    ({"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValue"),
    ({"MessageBody": "a", "DelaySeconds": -1}, "InvalidParameterValue"),
]


@pytest.mark.parametrize(
    ("message", "code"), REFUSED, ids=[f"{code} {n}" for n, (_, code) in enumerate(REFUSED)]
)
def test_the_queue_refuses_what_sqs_refuses(probe: House, message: dict[str, Any], code: str) -> None:
    sqs = client(probe, "sqs")
    url = sqs.get_queue_url(QueueName="probe-jobs")["QueueUrl"]
    with pytest.raises(sqs.exceptions.ClientError) as refused:
        sqs.send_message(QueueUrl=url, **message)
    error = refused.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"].endswith(code)


def test_a_batch_beyond_a_mebibyte_and_a_visibility_beyond_twelve_hours_are_refused(probe: House) -> None:
    sqs = client(probe, "sqs")
    url = sqs.get_queue_url(QueueName="probe-jobs")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": "a" * 200_000} for n in range(10)]
    with pytest.raises(sqs.exceptions.ClientError, match="BatchRequestTooLong"):
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=43_201)


def test_a_message_that_comes_again_greets_nobody_again(new_house, receiver) -> None:
    house: House = new_house().up()
    house.run("params", "put", "/bday/webhook-url", receiver.url)
    person = house.register()
    house.run("clock", "set", person["nextGreetingAt"])
    (first,) = receiver.got
    sqs = client(house, "sqs")
    url = sqs.get_queue_url(QueueName="bday-messages")["QueueUrl"]
    stale = json.dumps({"chunk": "00000000-0000-4000-8000-000000000000", "members": []})
    again = json.dumps(first["body"])
    for body in (stale, again, stale, again):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    done = ("chunk.not_ours", "greeting.was_not_dead")
    until(lambda: [house.logs("bday-worker").count(word) for word in done] == [2, 2])
    assert len(receiver.got) == 1
