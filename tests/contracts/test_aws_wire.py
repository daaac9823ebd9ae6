"""The wire itself: what botocore's private parts must keep doing, and what no SDK would send."""

import http.client
from typing import Any

import msgspec
import pytest

from lamppost.local.aws import models, wire
from tests.contracts.aws_house import AwsHouse

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKID/20261121/us-east-2/sqs/aws4_request, SignedHeaders=host, Signature=0"
)


def ask(
    house: AwsHouse, body: bytes, method: str = "POST", path: str = "/", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(house.url.removeprefix("http://"), timeout=10)
    given = {"authorization": SIGNED, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, path, body, given)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_pinned_botocore_still_parses_and_serialises_as_we_use_it() -> None:
    # Fails after an upgrade that moves _parse_shape or _serialize: adapt wire.py.
    shape = models.operation("sqs", "SendMessage").input_shape
    raw: dict[str, Any] = {
        "QueueUrl": "u",
        "MessageBody": "b",
        "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "AAE="}},
    }
    parsed = wire._parsed(raw, shape)
    assert parsed["MessageAttributes"]["a"]["BinaryValue"] == b"\x00\x01"
    assert wire._serialised(parsed, shape) == raw


def test_every_service_and_operation_we_offer_is_in_awss_model(aws_house: AwsHouse) -> None:
    from lamppost.local.aws.cloudwatch import CloudWatch
    from lamppost.local.aws.lambda_api import Lambda
    from lamppost.local.aws.logs import Logs
    from lamppost.local.aws.secrets_manager import SecretsManager
    from lamppost.local.aws.sqs import Sqs
    from lamppost.local.aws.ssm import Ssm

    services = (
        Sqs(aws_house.queues),
        Ssm(aws_house.parameters),
        SecretsManager(aws_house.secrets),
        Logs(aws_house.logs),
        Lambda(aws_house.functions, aws_house.logs.aliases),
        CloudWatch(aws_house.monitoring, {}),
    )
    for service in services:
        assert set(service.operations) <= set(models.service(service.name).operation_names)


def test_the_old_query_protocol_is_refused_in_its_own_words(aws_house: AwsHouse) -> None:
    status, body = ask(
        aws_house,
        b"Action=ReceiveMessage&Version=2012-11-05",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
    )
    assert status == 400
    assert b"<Code>UnsupportedProtocol</Code>" in body
    assert b"ReceiveMessage came in the old query protocol" in body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'{"QueueUrl":1,"MessageBody":"x"}', "SerializationException"),
        (b'{"QueueUrl":"bday-messages"}', "MissingParameter"),
        (b'{"QueueUrl":"bday-messages","MessageBody":"\\ud800"}', "SerializationException"),
        (b'{"QueueUrl":"bday-messages","MessageBody":"x","DelaySeconds":true}', "SerializationException"),
    ],
    ids=["torn", "list", "wrong type", "missing", "half a surrogate pair", "boolean for number"],
)
def test_a_body_no_sdk_would_send_is_a_clear_400(aws_house: AwsHouse, body: bytes, code: str) -> None:
    status, answer = ask(aws_house, body, x_amz_target="AmazonSQS.SendMessage")
    assert status == 400
    assert msgspec.json.decode(answer)["__type"] == code


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_target": "AmazonSQS.Nonsense"},
        {"x_amz_target": "DynamoDB_20120810.GetItem"},
        {"x_amz_target": ""},
        {},
    ],
    ids=str,
)
def test_what_is_not_served_is_refused_by_name(aws_house: AwsHouse, headers: dict[str, str]) -> None:
    status, answer = ask(aws_house, b"{}", path="/bucket/key", **headers)
    assert status in (400, 404)
    assert b"UnknownOperationException" in answer or b"is no call of the services here" in answer


def test_a_web_page_cannot_call_the_port(aws_house: AwsHouse) -> None:
    invoke = "/2015-03-31/functions/bday-scheduler/invocations"
    status, _ = ask(aws_house, b"{}", path=invoke, authorization="")
    assert status == 403
    status, _ = ask(aws_house, b"{}", path=invoke, host="rebound.example.org")
    assert status == 403
    status, _ = ask(
        aws_house, b"", method="OPTIONS", path=invoke, authorization="", origin="http://evil.example"
    )
    assert status == 403
    assert ask(aws_house, b"{}", path=invoke)[0] == 200
