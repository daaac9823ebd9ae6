"""Alarms: everything is watched, by metrics that its resource really has, and somebody hears."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lamppost.declare import names
from lamppost.derive.alarms import alarms
from lamppost.derive.instances import Server, memory_gb
from lamppost.derive.measures import OLDEST, VISIBLE, Alarm
from lamppost.local.embedded import readings
from lamppost.local.metrics import Series, series
from lamppost.observe.metrics import Measured
from services.birthday import measuring
from tests.cloud.conftest import Stage, Synthesised, Template
from tests.running import ROOT

ALARM = "AWS::CloudWatch::Alarm"
GUIDE = ROOT / "docs" / "guides" / "alarms.md"
DAY = 86_400
# What AWS measures, from its documentation; what a service measures is asked of the service.
ON_AWS = {
    "AWS/Lambda": {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "ConcurrentExecutions",
        "DestinationDeliveryFailures",
    },
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateAgeOfOldestMessage",
        "NumberOfMessagesSent",
        "NumberOfMessagesReceived",
        "NumberOfMessagesDeleted",
    },
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency", "IntegrationLatency"},
    "AWS/States": {"ExecutionsFailed", "ExecutionsTimedOut"},
    "AWS/EC2": {"StatusCheckFailed"},
    "AWS/NATGateway": {"ErrorPortAllocation"},
    "AWS/Scheduler": {"InvocationAttemptCount", "InvocationDroppedCount", "TargetErrorCount"},
    "AWS/RDS": {
        "CPUUtilization",
        "CPUCreditBalance",
        "DatabaseConnections",
        "DBLoad",
        "FreeStorageSpace",
        "FreeableMemory",
        "MaximumUsedTransactionIDs",
        "ReadIOPS",
        "ReadLatency",
        "WriteIOPS",
        "WriteLatency",
        "ReplicaLag",
        "DatabaseConnectionsBorrowLatency",
        "DatabaseConnectionsSetupFailed",
        "ClientConnectionsReceived",
    },
}
# What names the resource that a metric is of.
PLACES = {
    "FunctionName": ("AWS::Lambda::Function", "FunctionName"),
    "QueueName": ("AWS::SQS::Queue", "QueueName"),
    "DBInstanceIdentifier": ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
    "ScheduleGroup": ("AWS::Scheduler::ScheduleGroup", "Name"),
    "ProxyName": ("AWS::RDS::DBProxy", "DBProxyName"),
}
BY_REFERENCE = {
    "ApiId": ("AWS::ApiGatewayV2::Api", "Ref"),
    "StateMachineArn": ("AWS::StepFunctions::StateMachine", "Arn"),
    "InstanceId": ("AWS::EC2::Instance", "Ref"),
    "NatGatewayId": ("AWS::EC2::NatGateway", "NatGatewayId"),
}
# What runs only while stacks are deployed, and makes the deployment fail when it fails.
DEPLOYING = ("-rollout",)


def ringing(stage: Stage) -> Iterator[tuple[Template, dict[str, Any]]]:
    """Every alarm of the stage, and the template it stands in."""
    for template in stage.stacks.values():
        for each in template.of(ALARM).values():
            yield template, each["Properties"]


def watched(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics an alarm looks at."""
    if "Metrics" not in alarm:
        return [alarm]
    return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]


def seen(stage: Stage) -> set[tuple[str, str, str]]:
    """The metric, the dimension's name and its value, of everything that some alarm of the stage looks at."""
    return {
        (metric["MetricName"], place["Name"], json.dumps(place["Value"]).strip('"'))
        for _, alarm in ringing(stage)
        for metric in watched(alarm)
        for place in metric["Dimensions"]
    }


def named(stage: Stage, kind: str, key: str) -> set[str]:
    """What the stage's resources of this type are called."""
    return {each["Properties"][key] for each in stage.resources(kind) if key in each["Properties"]}


def properties(stage: Stage, kind: str) -> list[dict[str, Any]]:
    """The properties of the stage's resources of this type."""
    return [each["Properties"] for each in stage.resources(kind)]


def derived(synthesised: Synthesised, stage: Stage) -> dict[str, Alarm]:
    """The alarms that follow from the declarations for a stage like this, as `lamppost alarms` has them."""
    (instance,) = {each["Properties"]["DBInstanceClass"] for each in stage.resources("AWS::RDS::DBInstance")}
    server = Server(f"lamppost-{stage.env}", memory_gb(instance))
    egress = "nat" if stage.resources("AWS::EC2::NatGateway") else "nat-instance"
    found = alarms(synthesised.manifest, env=stage.env, server=server, egress=egress)
    return {each.name: each for each in found}


def said_by_birthday() -> dict[str, Series]:
    """What the service writes about a chunk, as CloudWatch reads it, by the metric's name."""
    measured = Measured("birthday", "dev")

    class Context:
        def metric(self, name: str, value: Any, unit: Any = "Count", **place: str) -> None:
            measured.put(name, value, unit, place)

    due = datetime(2027, 3, 15, 9, tzinfo=UTC)
    greeting: Any = type("Greeting", (), {"due_at": due})
    tally: Any = type("Tally", (), {"dead": 1, "lateness": timedelta(seconds=2)})
    context: Any = Context()
    measuring.chunk(context, tally, [greeting], attempts=3, failed=1)
    lines = measured.take(int(due.timestamp() * 1000))
    return {reading.which.metric: reading.which for line in lines for reading in readings(line)}


def test_every_function_has_its_three_alarms_in_every_stage(synthesised: Synthesised, stage: Stage) -> None:
    found = seen(stage)
    functions = [
        names.physical(function.named, stage.env)
        for service in synthesised.manifest.services
        for function in service.functions
    ]
    assert len(functions) >= 6
    for name in functions:
        assert {(metric, "FunctionName", name) for metric in ("Errors", "Throttles", "Duration")} <= found


def test_no_function_of_the_templates_is_forgotten(stage: Stage) -> None:
    found = seen(stage)
    for name in named(stage, "AWS::Lambda::Function", "FunctionName"):
        if not name.endswith(DEPLOYING):
            assert ("Errors", "FunctionName", name) in found, f"{name} fails and nobody hears"


def test_every_queue_and_every_dead_letter_queue_is_watched_for_depth_and_age(stage: Stage) -> None:
    found = seen(stage)
    queues = named(stage, "AWS::SQS::Queue", "QueueName")
    assert any(name.endswith("-dlq") for name in queues)
    for name in queues:
        assert {(VISIBLE, "QueueName", name), (OLDEST, "QueueName", name)} <= found


def test_an_event_that_is_lost_for_good_is_heard_of(stage: Stage) -> None:
    """Functions without a caller keep events they fail at; where that fails too, nothing else would tell."""
    kept = [each["FunctionName"] for each in properties(stage, "AWS::Lambda::EventInvokeConfig")]
    assert kept
    lost = {value for metric, _, value in seen(stage) if metric == "DestinationDeliveryFailures"}
    functions = {
        id: each["Properties"]["FunctionName"]
        for template in stage.stacks.values()
        for id, each in template.of("AWS::Lambda::Function").items()
        if "FunctionName" in each["Properties"]
    }
    assert lost == {functions[each["Ref"]] for each in kept}


def test_dead_letters_ring_at_the_first_and_again_long_before_they_are_deleted(prod: Stage) -> None:
    template = prod["BdayInfraStack"]
    first = template.named(ALARM, AlarmName="bday-messages-dlq-messages")
    assert (first["ComparisonOperator"], first["Threshold"]) == ("GreaterThanThreshold", 0)
    kept = template.named("AWS::SQS::Queue", QueueName="bday-messages-dlq")["MessageRetentionPeriod"]
    again = template.named(ALARM, AlarmName="bday-messages-dlq-age")["Threshold"]
    assert DAY < again < kept - 2 * DAY


def test_every_api_and_every_schedule_is_watched(stage: Stage) -> None:
    apis = [each for _, alarm in ringing(stage) for each in watched(alarm) if each["MetricName"] == "5xx"]
    assert len(apis) == len(stage.resources("AWS::ApiGatewayV2::Api")) >= 3
    found = seen(stage)
    assert len([metric for metric, _, _ in found if metric == "Latency"]) == len(apis)
    for group in named(stage, "AWS::Scheduler::ScheduleGroup", "Name"):
        assert ("InvocationDroppedCount", "ScheduleGroup", group) in found


def test_every_schedule_is_in_a_group_of_the_template_and_no_group_is_empty(stage: Stage) -> None:
    """AWS measures groups: a schedule in the default group would be counted with everybody's."""
    for template in stage.stacks.values():
        groups = {json.dumps({"Ref": id}) for id in template.of("AWS::Scheduler::ScheduleGroup")}
        schedules = template.of("AWS::Scheduler::Schedule").values()
        assert {json.dumps(each["Properties"]["GroupName"]) for each in schedules} == groups


def test_what_an_alarm_looks_at_is_there(stage: Stage) -> None:
    """Its metric is one that AWS has or the service writes, its dimension names a resource of the stage."""
    assert looked_at(stage) >= 50


def test_two_stages_fit_one_account(synthesised: Synthesised) -> None:
    called = [
        name
        for stage in synthesised.stages.values()
        for kind, key in (
            (ALARM, "AlarmName"),
            ("AWS::CloudWatch::Dashboard", "DashboardName"),
            ("AWS::SNS::Topic", "TopicName"),
            ("AWS::Scheduler::ScheduleGroup", "Name"),
        )
        for name in named(stage, kind, key)
    ]
    assert len(called) == len(set(called)) > 200


def test_no_alarm_is_made_twice(stage: Stage, full: Stage) -> None:
    """Two stacks cannot both have it. The shop's migrator stands apart from its other functions."""
    for each in (stage, full):
        made = [alarm["AlarmName"] for _, alarm in ringing(each)]
        assert len(made) == len(set(made))
    assert "shop-full-migrate-errors" in made
    assert "shop-full-front-errors" in made


def test_a_replica_and_a_proxy_are_watched_where_they_are(full: Stage, dev: Stage) -> None:
    assert looked_at(full) > 20
    more = {("ReplicaLag", "shop-full-replica"), ("DatabaseConnectionsBorrowLatency", "shop-full")}
    assert more <= {(metric, value) for metric, _, value in seen(full)}
    assert not {metric for metric, _ in more} & {metric for metric, _, _ in seen(dev)}


def test_the_way_out_is_watched_if_it_can_fail(dev: Stage, prod: Stage, six: Stage, shop: Stage) -> None:
    found = [
        [metric for metric, place, _ in seen(stage) if place in {"InstanceId", "NatGatewayId"}]
        for stage in (dev, prod, six, shop)
    ]
    assert found == [["StatusCheckFailed"], ["ErrorPortAllocation"], [], []]


def looked_at(stage: Stage) -> int:
    """How many metrics the stage's alarms look at; fails at one that no resource has."""
    own = {(each.namespace, metric) for metric, each in said_by_birthday().items()}
    own |= {("Lamppost/birthday", "UndeliveredEvents")}  # tests/database/test_birthday_metrics.py
    count = 0
    for template, alarm in ringing(stage):
        for metric in watched(alarm):
            space, name = metric["Namespace"], metric["MetricName"]
            assert name in ON_AWS.get(space, ()) or (space, name) in own, alarm["AlarmName"]
            (place,) = metric["Dimensions"]
            assert there(stage, template, place), alarm["AlarmName"]
            count += 1
    return count


def there(stage: Stage, template: Template, place: dict[str, Any]) -> bool:
    """Whether the dimension is the name of a resource, or the reference to one of the same template."""
    name, value = place["Name"], place["Value"]
    if name == "Environment":
        return bool(value == stage.env)
    if name in BY_REFERENCE:
        # Not every type's Ref is what its metrics go by.
        referred = (value["Ref"], "Ref") if "Ref" in value else tuple(value["Fn::GetAtt"])
        kind, part = BY_REFERENCE[name]
        return referred[0] in template.of(kind) and referred[1] == part
    return value in named(stage, *PLACES[name])


def test_what_birthday_says_of_itself_is_what_its_alarms_look_at(dev: Stage) -> None:
    said = said_by_birthday()
    assert {"DeliveryAttempts", "DeliveryFailures", "DeadEvents", "Lateness"} == said.keys()
    share = dev["BdayInfraStack"].named(ALARM, AlarmName="bday-dev-delivery-failures")
    looked = {
        each["MetricName"]: series(
            each["Namespace"],
            each["MetricName"],
            {place["Name"]: place["Value"] for place in each["Dimensions"]},
        )
        for each in watched(share)
    }
    assert looked == {name: said[name] for name in ("DeliveryFailures", "DeliveryAttempts")}


def test_no_alarm_rings_unheard_and_every_one_says_when_it_is_over(stage: Stage) -> None:
    topics = named(stage, "AWS::SNS::Topic", "TopicName")
    for _, alarm in ringing(stage):
        for key in ("AlarmActions", "OKActions"):
            (heard,) = alarm[key]
            assert json.dumps(heard).rpartition(":")[2].strip('"]}') in topics
        assert alarm["AlarmDescription"]
        assert alarm.get("ActionsEnabled", True)


def test_aws_and_one_machine_have_the_same_alarms(synthesised: Synthesised, stage: Stage) -> None:
    expected = derived(synthesised, stage)
    made = {alarm["AlarmName"]: alarm for _, alarm in ringing(stage)}
    assert made.keys() == expected.keys()
    for name, alarm in made.items():
        same = expected[name]
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (same.threshold, same.comparison)
        assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (same.periods, same.breaches)
        assert alarm["TreatMissingData"] == same.missing
        formulas = [each["Expression"] for each in alarm.get("Metrics", ()) if "Expression" in each]
        assert formulas == ([same.expression] if same.whole else [])


@pytest.mark.parametrize(
    ("name", "metric", "place", "rings"),
    [
        ("bday-scheduler-errors", "AWS/Lambda Errors", "bday-scheduler", (">", 3, "Sum of 300 s")),
        ("bday-messages-depth", f"AWS/SQS {VISIBLE}", "bday-messages", (">", 1000, "Maximum of 60 s")),
        ("bday-messages-dlq-messages", f"AWS/SQS {VISIBLE}", "bday-messages-dlq",
         (">", 0, "Maximum of 60 s")),
        ("bday-worker-errors", "AWS/Lambda Errors", "bday-worker", (">", 10, "percent")),
        ("lamppost-prod-database-cpu", "AWS/RDS CPUUtilization", "lamppost-prod",
         (">", 80, "Average of 300 s")),
        ("lamppost-prod-database-storage", "AWS/RDS FreeStorageSpace", "lamppost-prod",
         ("<", 2 * 1024**3, "Minimum of 300 s")),
    ],
)  # fmt: skip
def test_the_six_alarms_of_the_birthday_plan_ring_as_it_says(
    prod: Stage, name: str, metric: str, place: str, rings: tuple[str, float, str]
) -> None:
    (alarm,) = [each for _, each in ringing(prod) if each["AlarmName"] == name]
    looked = watched(alarm)[0]
    assert f"{looked['Namespace']} {looked['MetricName']}" == metric
    assert [each["Value"] for each in looked["Dimensions"]] == [place]
    sign = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}[alarm["ComparisonOperator"]]
    how = "percent" if "Metrics" in alarm else f"{alarm['Statistic']} of {alarm['Period']} s"
    assert (sign, alarm["Threshold"], how) == rings


def test_a_service_is_deployed_behind_those_who_hear_of_it(stage: Stage) -> None:
    monitoring = f"Barkbase-MonitoringStack-{stage.env}"
    for id, template in stage.stacks.items():
        if template.of(ALARM) and id != monitoring:
            assert stage.waits_for(id, monitoring), id
    assert not stage.waits[monitoring] & stage.stacks.keys()


def test_the_guide_says_what_to_do_about_every_alarm(stage: Stage, full: Stage) -> None:
    """Its rows name the ends of alarms' names; none is left that no alarm has."""
    rows = [
        line.split("|")[1] for line in GUIDE.read_text().splitlines() if line.startswith(("| `-", "| `…"))
    ]
    ends = {end for row in rows for end in re.findall(r"`(-[a-z0-9-]+)`", row)}
    called = [alarm["AlarmName"] for each in (stage, full) for _, alarm in ringing(each)]
    for name in called:
        assert name.endswith(tuple(ends)), f"{name}: say in {GUIDE.name} what to do"
    unused = {end for end in ends if not any(name.endswith(end) for name in called)}
    # One stage has one way out.
    assert unused <= {"-way-out-down", "-way-out-full"}


def test_the_topic_is_encrypted_by_a_key_that_alarms_may_use_and_speaks_tls_only(stage: Stage) -> None:
    """With AWS's own key the topic takes nothing from CloudWatch, and no error says so."""
    template = stage[f"Barkbase-MonitoringStack-{stage.env}"]
    (topic,) = template.of("AWS::SNS::Topic").values()
    key = topic["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0]
    held = template.of("AWS::KMS::Key")[key]["Properties"]
    assert held["EnableKeyRotation"] is True
    (use,) = allowed(held["KeyPolicy"], "cloudwatch.amazonaws.com")
    assert set(use["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey*"}
    (policy,) = template.of("AWS::SNS::TopicPolicy").values()
    document = policy["Properties"]["PolicyDocument"]
    (publish,) = allowed(document, "cloudwatch.amazonaws.com")
    for statement in (use, publish):
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        assert ":alarm:*" in json.dumps(statement["Condition"]["ArnLike"])
    assert any(
        each["Effect"] == "Deny" and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in document["Statement"]
    )


def allowed(document: dict[str, Any], service: str) -> list[dict[str, Any]]:
    """The statements that let this service do something."""
    return [
        each
        for each in document["Statement"]
        if each["Effect"] == "Allow" and each["Principal"] == {"Service": service}
    ]


def test_the_addresses_of_the_stage_hear_its_alarms(shop: Stage) -> None:
    heard = shop.resources("AWS::SNS::Subscription")
    assert [(each["Properties"]["Protocol"], each["Properties"]["Endpoint"]) for each in heard] == [
        ("email", "ops@shop.example"),
        ("email", "night@shop.example"),
    ]
    (topic,) = shop["Shop-MonitoringStack-shut"].of("AWS::SNS::Topic")
    assert {json.dumps(each["Properties"]["TopicArn"]) for each in heard} == {json.dumps({"Ref": topic})}


def test_a_budget_is_of_the_account_or_of_what_carries_the_stages_tag(
    prod: Stage, shop: Stage, dev: Stage
) -> None:
    (of_prod,) = prod.resources("AWS::Budgets::Budget")
    (of_shop,) = shop.resources("AWS::Budgets::Budget")
    assert not dev.resources("AWS::Budgets::Budget")
    assert "CostFilters" not in of_prod["Properties"]["Budget"]
    budget = of_shop["Properties"]["Budget"]
    assert budget["BudgetLimit"] == {"Amount": 40, "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": ["user:lamppost:stage$shut"]}
    told = [
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in of_shop["Properties"]["NotificationsWithSubscribers"]
    ]
    assert told == [("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)]


def test_only_where_there_is_a_budget_may_budgets_speak(prod: Stage, dev: Stage) -> None:
    for stage, speaks in ((prod, True), (dev, False)):
        template = stage[f"Barkbase-MonitoringStack-{stage.env}"]
        (policy,) = template.of("AWS::SNS::TopicPolicy").values()
        (key,) = template.of("AWS::KMS::Key").values()
        for document in (policy["Properties"]["PolicyDocument"], key["Properties"]["KeyPolicy"]):
            assert bool(allowed(document, "budgets.amazonaws.com")) == speaks
