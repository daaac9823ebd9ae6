"""CloudWatch's reading calls, by an unmodified boto3 and by `aws`, in the protocol they choose themselves."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lamppost.derive.measures import LAMBDA, Alarm, Measure
from lamppost.local.functions.spec import Result
from lamppost.local.metrics import series
from tests.contracts import aws_cli
from tests.contracts.aws_house import FUNCTION_KEY, AwsHouse
from tests.contracts.test_aws_wire import ask

# A whole hour, so that periods are the same on both sides.
HOUR = int(time.time()) // 3600 * 3600 - 3600
DURATION = series("AWS/Lambda", "Duration", {"FunctionName": "bday-dev-scheduler"})
WORKER = Measure(LAMBDA, "Errors", (("FunctionName", "bday-dev-worker"),), "Sum")
CALLS = Measure(LAMBDA, "Invocations", (("FunctionName", "bday-dev-worker"),), "Sum")


def at(minutes: int) -> datetime:
    return datetime.fromtimestamp(HOUR, UTC) + timedelta(minutes=minutes)


@pytest.fixture
def house(aws_house: AwsHouse) -> AwsHouse:
    """With some minutes of a function's durations."""

    def measure() -> None:
        metrics = aws_house.monitoring.metrics
        metrics.put(DURATION, [10.0, 20.0, 30.0], at=HOUR, unit="Milliseconds")
        metrics.put(DURATION, [40.0], at=HOUR + 60, unit="Milliseconds")
        metrics.put(DURATION, [100.0], at=HOUR + 600, unit="Milliseconds")

    aws_house.call(measure)
    return aws_house


def statistics(house: AwsHouse, **how: Any) -> dict[datetime, dict[str, Any]]:
    asked = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": "bday-scheduler"}],
        "StartTime": at(0),
        "EndTime": at(60),
        "Period": 60,
        "Statistics": ["Sum", "SampleCount", "Average", "Minimum", "Maximum"],
        **how,
    }
    answer = house.client("cloudwatch").get_metric_statistics(**asked)
    assert answer["Label"] == "Duration"
    return {point["Timestamp"]: point for point in answer["Datapoints"]}


def refusal(house: AwsHouse, call: str, **given: Any) -> str:
    with pytest.raises(ClientError) as refused:
        getattr(house.client("cloudwatch"), call)(**given)
    return str(refused.value.response["Error"]["Code"])


def test_a_functions_minutes_are_told_under_any_of_its_names(house: AwsHouse) -> None:
    found = statistics(house)
    assert sorted(found) == [at(0), at(1), at(10)]
    first = {name: value for name, value in found[at(0)].items() if name != "Timestamp"}
    assert first == {
        "Sum": 60.0, "SampleCount": 3.0, "Average": 20.0, "Minimum": 10.0, "Maximum": 30.0,
        "Unit": "Milliseconds",
    }  # fmt: skip


def test_longer_periods_and_percentiles(house: AwsHouse) -> None:
    found = statistics(house, Period=300, ExtendedStatistics=["p50", "p99"])
    assert sorted(found) == [at(0), at(10)]
    assert found[at(0)]["SampleCount"] == 4.0
    assert found[at(0)]["ExtendedStatistics"] == {"p50": 20.0, "p99": 40.0}


def test_another_unit_or_another_time_has_no_datapoints(house: AwsHouse) -> None:
    assert statistics(house, Unit="Seconds") == {}
    assert statistics(house, StartTime=at(20)) == {}
    assert statistics(house, Dimensions=[]) == {}


def test_several_metrics_are_asked_for_at_once(house: AwsHouse) -> None:
    def query(id_: str, stat: str) -> dict[str, Any]:
        metric = {
            "Namespace": "AWS/Lambda",
            "MetricName": "Duration",
            "Dimensions": [{"Name": "FunctionName", "Value": "bday-dev-scheduler"}],
        }
        return {"Id": id_, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}

    answer = house.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query("most", "Maximum"), query("tail", "p99")], StartTime=at(0), EndTime=at(60)
    )
    most, tail = answer["MetricDataResults"]
    assert (most["Id"], most["Values"], most["StatusCode"]) == ("most", [100.0, 40.0, 30.0], "Complete")
    assert most["Timestamps"] == [at(10), at(1), at(0)]
    assert tail["Values"] == [100.0, 40.0, 30.0]


def test_metrics_are_listed_by_name_and_by_any_name_of_what_they_measure(house: AwsHouse) -> None:
    cloudwatch = house.client("cloudwatch")
    (found,) = cloudwatch.list_metrics(
        Namespace="AWS/Lambda", Dimensions=[{"Name": "FunctionName", "Value": "bday-scheduler"}]
    )["Metrics"]
    assert found == {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": "bday-dev-scheduler"}],
    }
    assert cloudwatch.list_metrics(MetricName="Absent")["Metrics"] == []


def test_queues_and_invocations_are_measured_as_aws_does(house: AwsHouse) -> None:
    sqs = house.client("sqs")
    url = sqs.get_queue_url(QueueName="bday-messages")["QueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    meter = house.monitoring.meter
    house.call(meter.invoked, "bday-dev-scheduler", Result(b"1", milliseconds=5.0), 1)
    house.call(meter.invoked, "bday-dev-scheduler", Result(b"1", "Unhandled", milliseconds=9.0), 2)
    house.call(meter.invoked, "bday-dev-scheduler", Result(b"", "Unhandled", throttled=True), 3)

    def total(namespace: str, metric: str, name: str, value: str, statistic: str = "Sum") -> float:
        answer = house.client("cloudwatch").get_metric_statistics(
            Namespace=namespace, MetricName=metric, Dimensions=[{"Name": name, "Value": value}],
            StartTime=datetime.now(UTC) - timedelta(minutes=30),
            EndTime=datetime.now(UTC) + timedelta(minutes=30), Period=3600, Statistics=[statistic],
        )  # fmt: skip
        return float(answer["Datapoints"][0][statistic])

    assert total("AWS/SQS", "NumberOfMessagesSent", "QueueName", "bday-messages") == 2
    assert total("AWS/SQS", "NumberOfMessagesReceived", "QueueName", "bday-messages") == 1
    assert total("AWS/SQS", "NumberOfMessagesDeleted", "QueueName", "bday-dev-messages") == 1
    visible = "ApproximateNumberOfMessagesVisible"
    assert total("AWS/SQS", visible, "QueueName", "bday-messages", "Maximum") == 1
    scheduler = ("FunctionName", "bday-scheduler")
    assert total("AWS/Lambda", "Invocations", *scheduler) == 2
    assert total("AWS/Lambda", "Errors", *scheduler) == 1
    assert total("AWS/Lambda", "Errors", *scheduler, "Average") == 0.5
    assert total("AWS/Lambda", "Throttles", *scheduler) == 1
    assert total("AWS/Lambda", "ConcurrentExecutions", *scheduler, "Maximum") == 2


def test_an_age_is_looked_through_at_once(house: AwsHouse) -> None:
    metric = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": [{"Name": "FunctionName", "Value": "bday-scheduler"}],
    }
    answer = house.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
        StartTime=datetime(1971, 1, 1, tzinfo=UTC),
        EndTime=datetime(9998, 1, 1, tzinfo=UTC),
        ScanBy="TimestampAscending",
    )
    assert answer["MetricDataResults"][0]["Values"] == [60.0, 40.0, 100.0]


def test_what_cloudwatch_refuses_is_refused_with_its_codes(house: AwsHouse) -> None:
    window = {"Namespace": "N", "MetricName": "M", "StartTime": at(0), "EndTime": at(60)}
    asked = {**window, "Period": 60, "Statistics": ["Sum"]}
    combination, value = "InvalidParameterCombination", "InvalidParameterValue"
    assert refusal(house, "get_metric_statistics", **window, Period=60) == combination
    assert refusal(house, "get_metric_statistics", **{**asked, "Period": 90}) == value
    assert refusal(house, "get_metric_statistics", **{**asked, "EndTime": at(-1)}) == value
    assert refusal(house, "get_metric_statistics", **{**asked, "StartTime": at(-1500)}) == combination
    assert refusal(house, "get_metric_statistics", **{**asked, "Statistics": ["Median"]}) == value
    assert refusal(house, "get_metric_statistics", **asked, ExtendedStatistics=["tm99"]) == value
    assert refusal(house, "list_metrics", NextToken="x") == "InvalidNextToken"
    math = [{"Id": "e", "Expression": "1 + 1"}]
    assert refusal(house, "get_metric_data", MetricDataQueries=math, StartTime=at(0), EndTime=at(1)) == value
    assert refusal(house, "delete_alarms", AlarmNames=["a"]) == "UnknownOperationException"


@pytest.mark.parametrize("start", ['"now"', "[]", "true", "1e300", "-1e300", "1e400", "null"])
def test_a_time_that_is_none_is_the_callers_mistake(house: AwsHouse, start: str) -> None:
    body = (
        f'{{"Namespace": "N", "MetricName": "M", "Period": 60, "Statistics": ["Sum"],'
        f' "StartTime": {start}, "EndTime": 1800000000}}'
    )
    target = "GraniteServiceVersion20100801.GetMetricStatistics"
    status, said = ask(house, body.encode(), x_amz_target=target)
    assert status == 400, said


def test_functions_may_not_read_metrics(house: AwsHouse) -> None:
    with pytest.raises(ClientError) as refused:
        house.client("cloudwatch", key=FUNCTION_KEY).list_metrics()
    assert "not authorized to perform: cloudwatch:ListMetrics" in str(refused.value)


def test_alarms_are_described_with_what_they_watch_and_how_they_stand(house: AwsHouse) -> None:
    plain = Alarm(
        name="bday-dev-worker-errors", about="it fails", service="birthday", measure=WORKER, threshold=3
    )
    share = Alarm(
        name="bday-dev-share",
        about="it fails often",
        service="birthday",
        measure=WORKER,
        whole=CALLS,
        threshold=10,
    )
    now = time.time()

    def ring() -> None:
        house.monitoring.watch.describe((plain, share))
        which = series(WORKER.namespace, WORKER.metric, dict(WORKER.dimensions))
        house.monitoring.metrics.put(which, {1.0: 4}, at=now - 60, unit="Count")
        house.monitoring.watch.turn(now)

    house.call(ring)
    cloudwatch = house.client("cloudwatch")
    (found,) = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert found["AlarmName"] == "bday-dev-worker-errors"
    assert found["Dimensions"] == [{"Name": "FunctionName", "Value": "bday-dev-worker"}]
    assert (found["Statistic"], found["Period"], found["Threshold"]) == ("Sum", 300, 3.0)
    assert (found["ComparisonOperator"], found["TreatMissingData"]) == (
        "GreaterThanThreshold",
        "notBreaching",
    )
    assert found["StateReason"] == "the last period of 300 s was over 3: 4"
    (quiet,) = cloudwatch.describe_alarms(AlarmNames=["bday-dev-share"])["MetricAlarms"]
    assert [each["Id"] for each in quiet["Metrics"]] == ["rate", "part", "whole"]
    assert quiet["StateValue"] == "OK"
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix="bday-")["MetricAlarms"]) == 2
    first = cloudwatch.describe_alarms(MaxRecords=1)
    assert cloudwatch.describe_alarms(NextToken=first["NextToken"])["MetricAlarms"] == [found]
    assert any("alarm.rang" in line for line in house.said)


def test_the_command_line_reads_metrics_and_alarms(house: AwsHouse, tmp_path: Path) -> None:
    def aws(command: str) -> Any:
        done = aws_cli.run(f"aws cloudwatch {command}", house.url, tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    window = f"--start-time {at(0):%Y-%m-%dT%H:%M:%SZ} --end-time {at(60):%Y-%m-%dT%H:%M:%SZ}"
    metric = "--namespace AWS/Lambda --metric-name Duration"
    place = "--dimensions Name=FunctionName,Value=bday-scheduler"
    found = aws(f"get-metric-statistics {metric} {place} {window} --period 3600 --statistics Maximum")
    assert found["Datapoints"][0]["Maximum"] == 100.0
    assert len(aws("list-metrics --namespace AWS/Lambda")["Metrics"]) == 1
    assert aws("describe-alarms")["MetricAlarms"] == []
