"""Alarms: which follow from the declarations, and when one rings."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lamppost.declare.alarms import Alarm as Declared
from lamppost.derive.alarms import alarms
from lamppost.derive.instances import Server, database, memory_gb
from lamppost.derive.measures import LAMBDA, SQS, Alarm, Measure
from lamppost.errors import AuthorError, OperatorError
from lamppost.local.metrics import Metrics, series
from lamppost.local.watch import Watch, evaluate
from lamppost.observe.log import Log
from lamppost.pack.discover import discover

ROOT = Path(__file__).parents[2]
BEGAN = 1_800_000_000
ERRORS = Measure(LAMBDA, "Errors", (("FunctionName", "f"),), "Sum")
CALLS = Measure(LAMBDA, "Invocations", (("FunctionName", "f"),), "Sum")


@pytest.fixture(scope="module")
def prod() -> dict[str, Alarm]:
    return {alarm.name: alarm for alarm in alarms(discover(ROOT), env="prod")}


def alarm(**how: Any) -> Alarm:
    return Alarm(**{"name": "a", "about": "", "service": "s", "measure": ERRORS, "threshold": 3, **how})


def verdict(watched: Alarm, metrics: Metrics, minutes: int) -> Any:
    """What it comes to, so many minutes after the beginning."""
    return evaluate(watched, metrics.value, at=BEGAN + 60 * minutes, began=BEGAN)


def put(metrics: Metrics, measure: Measure, value: float, minute: int) -> None:
    which = series(measure.namespace, measure.metric, dict(measure.dimensions))
    metrics.put(which, [value], at=BEGAN + 60 * minute)


def test_the_six_alarms_of_the_birthday_plan_are_there_with_its_limits(prod):
    def said(name: str) -> tuple[Any, ...]:
        found = prod[name]
        return found.measure.metric, found.comparison, found.threshold, found.period * found.periods

    over, under = "GreaterThanThreshold", "LessThanThreshold"
    assert said("bday-scheduler-errors") == ("Errors", over, 3, 300)
    assert said("bday-backlog") == ("UndeliveredEvents", over, 1000, 300)
    assert said("bday-messages-dlq-messages") == ("ApproximateNumberOfMessagesVisible", over, 0, 60)
    assert said("bday-delivery-failures") == ("DeliveryFailures", over, 10, 300)
    assert prod["bday-delivery-failures"].expression == "IF(whole > 0, 100 * part / whole, 0)"
    assert said("lamppost-prod-database-cpu") == ("CPUUtilization", over, 80, 900)
    assert prod["lamppost-prod-database-cpu"].measure.dimensions == (
        ("DBInstanceIdentifier", "lamppost-prod"),
    )
    assert said("lamppost-prod-database-storage") == ("FreeStorageSpace", under, 2 * 1024**3, 300)


def test_every_function_queue_and_dead_letter_queue_is_watched(prod):
    watched = {(measure.metric, value) for each in prod.values() for measure in (each.measure,)
               for _, value in measure.dimensions}  # fmt: skip
    for service in discover(ROOT).services:
        for function in service.functions:
            name = function.named.replace("{env}", "prod")
            assert {(metric, name) for metric in ("Errors", "Throttles", "Duration")} <= watched
        for queue in service.queues:
            visible = "ApproximateNumberOfMessagesVisible"
            assert {(visible, queue.name), (visible, f"{queue.name}-dlq")} <= watched


def test_names_are_unique_and_say_their_stage():
    for env in ("prod", "dev", "pr-7"):
        found = [each.name for each in alarms(discover(ROOT), env=env)]
        assert len(set(found)) == len(found)
        if env != "prod":
            assert all(env in name for name in found)


def test_a_sum_rings_when_it_is_over_its_limit_and_only_when_the_minute_is_over():
    metrics = Metrics()
    for minute in range(4):
        put(metrics, ERRORS, 1, minute)
    assert verdict(alarm(), metrics, 3).state == "OK"
    rung = verdict(alarm(), metrics, 4)
    assert (rung.state, rung.values) == ("ALARM", (4.0,))
    assert rung.reason == "the last period of 300 s was over 3: 4"
    assert verdict(alarm(), metrics, 5).state == "ALARM"
    assert verdict(alarm(), metrics, 6).state == "OK"


def test_a_share_is_of_its_whole_and_nothing_of_nothing_is_nothing():
    watched = alarm(whole=CALLS, threshold=10)
    metrics = Metrics()
    assert verdict(watched, metrics, 5).state == "OK"
    put(metrics, CALLS, 10, 0)
    put(metrics, ERRORS, 1, 0)
    assert verdict(watched, metrics, 1).state == "OK"
    put(metrics, ERRORS, 1, 0)
    assert verdict(watched, metrics, 1).values == (20.0,)
    assert verdict(watched, metrics, 1).state == "ALARM"


def test_several_periods_in_a_row_must_be_over():
    watched = alarm(period=60, periods=5, breaches=5)
    metrics = Metrics()
    for minute in (0, 1, 2, 3, 5, 6, 7, 8, 9):
        put(metrics, ERRORS, 10, minute)
    assert [verdict(watched, metrics, minutes).state for minutes in (4, 5, 9, 10, 11)] == [
        "OK", "OK", "OK", "ALARM", "OK",
    ]  # fmt: skip


def test_some_periods_of_many_may_be_enough():
    watched = alarm(period=60, periods=5, breaches=2)
    metrics = Metrics()
    put(metrics, ERRORS, 10, 0)
    put(metrics, ERRORS, 10, 3)
    assert [verdict(watched, metrics, minutes).state for minutes in (3, 4, 5, 6)] == [
        "OK", "ALARM", "ALARM", "OK",
    ]  # fmt: skip


def test_what_no_longer_runs_rings_but_not_before_it_could_have_run():
    watched = alarm(measure=CALLS, threshold=1, below=True, missing="breaching")
    metrics = Metrics()
    assert verdict(watched, metrics, 4).state == "INSUFFICIENT_DATA"
    put(metrics, CALLS, 1, 2)
    assert verdict(watched, metrics, 4).state == "OK"
    assert verdict(watched, metrics, 7).state == "OK"
    assert verdict(watched, metrics, 8).state == "ALARM"


def test_where_missing_means_missing_nothing_is_known_of_nothing():
    watched = alarm(missing="missing")
    metrics = Metrics()
    assert verdict(watched, metrics, 5).state == "INSUFFICIENT_DATA"
    put(metrics, ERRORS, 0, 4)
    assert verdict(watched, metrics, 5).state == "OK"


def test_what_only_aws_measures_and_what_is_too_long_ago_says_so():
    cpu = alarm(measure=Measure("AWS/RDS", "CPUUtilization", (), "Average"))
    assert verdict(cpu, Metrics(), 5).reason == "measured on AWS only"
    daily = alarm(period=3600, periods=72, missing="breaching")
    assert verdict(daily, Metrics(), 5).state == "INSUFFICIENT_DATA"


def test_changes_are_logged_once_and_looking_ahead_changes_nothing():
    said: list[str] = []
    metrics = Metrics()
    watch = Watch(metrics.value, Log(level=0, write=said.append), began=BEGAN)
    watch.describe((alarm(),))
    put(metrics, ERRORS, 9, 0)
    assert [each.verdict.state for each in watch.seen_at(BEGAN + 60)] == ["ALARM"]
    assert said == []
    for minute in range(1, 9):
        watch.turn(BEGAN + 60 * minute)
    assert ["alarm.rang" in line for line in said] == [True, False]
    assert "alarm.cleared" in said[1]
    assert watch.standing()[0].since == BEGAN + 360
    watch.describe((alarm(), alarm(name="b")))
    assert [each.verdict.state for each in watch.standing()] == ["OK", "INSUFFICIENT_DATA"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Not a name"},
        {"metric": "two words"},
        {"of": "1"},
        {"period": timedelta(seconds=90)},
        {"period": timedelta(hours=1), "periods": 25},
        {"periods": 0},
    ],
)
def test_an_alarm_cloudwatch_would_not_take_is_refused(wrong):
    with pytest.raises(AuthorError):
        Declared(**{"name": "a", "about": "", "metric": "Sent", "over": 1.0, **wrong})


def test_the_queue_metrics_alarms_look_at_are_sqss_own(prod):
    names = {each.measure.metric for each in prod.values() if each.measure.namespace == SQS}
    assert names == {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}


@pytest.mark.parametrize(
    ("instance", "gigabytes"),
    [
        ("t4g.micro", 1),
        ("db.t4g.small", 2),
        ("m7g.large", 8),
        ("r7g.xlarge", 32),
        ("r7g.2xlarge", 64),
        ("c6gd.4xlarge", 32),
    ],
)
def test_an_instance_class_says_its_memory(instance, gigabytes):
    assert memory_gb(instance) == gigabytes


def test_an_instance_class_that_nobody_knows_is_refused_with_one_to_write():
    with pytest.raises(OperatorError) as told:
        memory_gb("t4g.huge")
    assert "t4g.small" in (told.value.fix or "")


def test_a_larger_server_rings_later_for_memory_and_connections():
    small, large = ({each.key: each.threshold for each in database(Server("db", size))} for size in (1, 16))
    assert small["database-connections"] == 67
    assert large["database-connections"] > 16 * 67
    assert large["database-memory"] == 16 * small["database-memory"]
    assert large["database-storage"] == small["database-storage"]


def test_a_replica_is_watched_for_its_lag_and_a_proxy_for_who_waits():
    found = {each.name: each for each in database(Server("db", replicas=("db-replica",), proxy="db-proxy"))}
    lag = found["db-database-replica-lag"]
    assert lag.measure.dimensions == (("DBInstanceIdentifier", "db-replica"),)
    waits = found["db-database-proxy-borrowing"]
    assert (waits.measure.dimensions, waits.threshold) == ((("ProxyName", "db-proxy"),), 500_000)
    alone = {each.name for each in database(Server("db"))}
    assert found.keys() - alone == {lag.name, waits.name, "db-database-proxy-refused"}
