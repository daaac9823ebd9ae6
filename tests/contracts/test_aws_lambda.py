"""Lambda and CloudWatch Logs, driven by boto3."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contracts.aws_house import AwsHouse

ARN = "arn:aws:lambda:us-west-1:000000000000:function:bday-scheduler"


@pytest.fixture
def lambdas(aws_house: AwsHouse) -> Any:
    return aws_house.client("lambda")


@pytest.fixture
def logs(aws_house: AwsHouse) -> Any:
    return aws_house.client("logs")


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    "name",
    ["bday-scheduler", "bday-dev-scheduler", ARN, "000000000000:function:bday-scheduler", f"{ARN}:$LATEST"],
)
def test_a_function_is_invoked_by_each_of_its_names(lambdas: Any, name: str) -> None:
    answer = lambdas.invoke(FunctionName=name, Payload=b'{"a":1}', LogType="Tail")
    assert answer["Payload"].read() == b'{"got":{"a":1}}'
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert len(base64.b64decode(answer["LogResult"])) == 4096


def test_an_empty_payload_is_an_empty_event(lambdas: Any) -> None:
    assert lambdas.invoke(FunctionName="bday-scheduler")["Payload"].read() == b'{"got":{}}'


def test_a_failed_function_says_so_beside_its_error(lambdas: Any) -> None:
    answer = lambdas.invoke(FunctionName="bday-scheduler", Payload=b'"fail"')
    assert answer["FunctionError"] == "Unhandled"
    assert b"no such dog" in answer["Payload"].read()


def test_an_event_is_accepted_and_a_dry_run_runs_nothing(lambdas: Any, aws_house: AwsHouse) -> None:
    answer = lambdas.invoke(FunctionName="bday-scheduler", InvocationType="Event", Payload=b'{"a":1}')
    assert answer["StatusCode"] == 202
    assert aws_house.functions.events == [("bday-dev-scheduler", b'{"a":1}')]
    assert lambdas.invoke(FunctionName="bday-scheduler", InvocationType="DryRun")["StatusCode"] == 204


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Payload": b"not json"}, "InvalidRequestContentException"),
        ({"Payload": b'"' + b"x" * 6 * 1024 * 1024 + b'"'}, "RequestTooLargeException"),
        (
            {"Payload": b'"' + b"x" * 1024 * 1024 + b'"', "InvocationType": "Event"},
            "RequestTooLargeException",
        ),
        ({"FunctionName": "nobody"}, "ResourceNotFoundException"),
    ],
    ids=["not json", "too long", "event too long", "unknown"],
)
def test_an_invocation_that_lambda_refuses_is_refused(lambdas: Any, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        lambdas.invoke(**{"FunctionName": "bday-scheduler", **given})
    assert code_of(refused) == code


def test_a_throttled_invocation_is_refused_with_429(lambdas: Any, aws_house: AwsHouse) -> None:
    aws_house.functions.throttled = True
    with pytest.raises(ClientError) as refused:
        lambdas.invoke(FunctionName="bday-scheduler")
    assert code_of(refused) == "TooManyRequestsException"


def test_a_functions_environment_can_be_changed_and_read_back(lambdas: Any) -> None:
    lambdas.update_function_configuration(
        FunctionName="bday-scheduler", Environment={"Variables": {"LOG_LEVEL": "debug"}}
    )
    shown = lambdas.get_function_configuration(FunctionName="bday-scheduler")
    assert shown["Environment"]["Variables"] == {"LOG_LEVEL": "debug"}
    assert (shown["FunctionName"], shown["Timeout"], shown["MemorySize"]) == ("bday-scheduler", 60, 512)
    assert lambdas.get_function(FunctionName=ARN)["Configuration"]["State"] == "Active"
    assert [f["FunctionName"] for f in lambdas.list_functions()["Functions"]] == ["bday-dev-scheduler"]


@pytest.mark.parametrize(
    "given",
    [{"Handler": "x.y"}, {"Environment": {"Variables": {"A_": "x" * 4096}}}, {"Timeout": 901}],
    ids=str,
)
def test_a_configuration_that_lambda_refuses_is_refused(lambdas: Any, given: dict[str, Any]) -> None:
    with pytest.raises(ClientError):
        lambdas.update_function_configuration(FunctionName="bday-scheduler", **given)


# --- logs


def test_log_events_are_found_by_time_term_and_page(logs: Any, aws_house: AwsHouse) -> None:
    for number in range(25):
        aws_house.logs.append("bday-dev-scheduler", "s1", [f"line {number}"], at=1_000_000 + number)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/aws/lambda/bday-scheduler", startTime=1_000_005, PaginationConfig={"PageSize": 7}
    )
    events = [event for page in pages for event in page["events"]]
    assert [event["message"] for event in events] == [f"line {number}" for number in range(5, 25)]
    assert len({event["eventId"] for event in events}) == 20
    found = logs.filter_log_events(
        logGroupName="/aws/lambda/bday-dev-scheduler", filterPattern='"line 1" -line 11'
    )
    assert "line 11" not in [event["message"] for event in found["events"]]


def test_a_stream_is_read_from_either_end(logs: Any, aws_house: AwsHouse) -> None:
    for number in range(10):
        aws_house.logs.append("bday-dev-scheduler", f"s{number % 2}", [str(number)])
    given = {"logGroupName": "/aws/lambda/bday-scheduler", "logStreamName": "s1", "limit": 2}
    first = logs.get_log_events(**given, startFromHead=True)
    assert [event["message"] for event in first["events"]] == ["1", "3"]
    second = logs.get_log_events(**given, nextToken=first["nextForwardToken"])
    assert [event["message"] for event in second["events"]] == ["5", "7"]
    last = logs.get_log_events(**given)
    assert [event["message"] for event in last["events"]] == ["7", "9"]
    before = logs.get_log_events(**given, nextToken=last["nextBackwardToken"])
    assert [event["message"] for event in before["events"]] == ["3", "5"]


def test_groups_and_streams_are_listed(logs: Any, aws_house: AwsHouse) -> None:
    aws_house.logs.append("bday-dev-scheduler", "s1", ["x"])
    groups = [
        g["logGroupName"] for g in logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    ]
    assert groups == ["/aws/lambda/bday-dev-scheduler", "/aws/lambda/bday-scheduler"]
    streams = logs.describe_log_streams(logGroupName=groups[1], orderBy="LastEventTime", descending=True)
    assert [stream["logStreamName"] for stream in streams["logStreams"]] == ["s1"]
    with pytest.raises(ClientError) as missing:
        logs.filter_log_events(logGroupName="/aws/lambda/../../etc/passwd")
    assert code_of(missing) == "ResourceNotFoundException"
