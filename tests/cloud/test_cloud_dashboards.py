"""Dashboards: each metric that somebody would look for is there, and what is there is measured."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.conftest import Stage
from tests.cloud.test_cloud_alarms import ON_AWS, PLACES, named, ringing, said_by_birthday

WIDTH = 24
STATISTICS = {"Sum", "Average", "Minimum", "Maximum", "p50", "p95", "p99"}
STAGES = ("dev", "staging", "prod")


@pytest.fixture(params=STAGES)
def shown(synthesised: Any, request: pytest.FixtureRequest) -> Stage:
    """Each stage that has dashboards."""
    found: Stage = synthesised.stages[request.param]
    return found


def text(value: Any) -> str:
    """A template's text with its references written out: `{Ref:UsersApi}`."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"{{Ref:{value['Ref']}}}"
    separator, parts = value["Fn::Join"]
    return str(separator).join(map(text, parts))


def bodies(stage: Stage) -> dict[str, dict[str, Any]]:
    """Every dashboard of the stage by its name, its body read as CloudWatch reads it."""
    return {
        each["Properties"]["DashboardName"]: json.loads(text(each["Properties"]["DashboardBody"]))
        for each in stage.resources("AWS::CloudWatch::Dashboard")
    }


def lines(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str], dict[str, Any]]]:
    """Each line of its graphs that is a metric: namespace, name, dimensions, and how it is shown."""
    for widget in body["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            *path, how = metric
            if path:
                space, name, *place = path
                yield space, name, dict(zip(place[::2], place[1::2], strict=True)), how


def test_every_service_has_a_dashboard_and_so_has_the_ground(synthesised: Any, shown: Stage) -> None:
    serving = {
        service.name
        for service in synthesised.manifest.services
        if not all(function.migrates for function in service.functions)
    }
    assert bodies(shown).keys() == {f"lamppost-{shown.env}-{name}" for name in serving | {"ground"}}


def test_a_preview_pays_for_none(synthesised: Any) -> None:
    assert not bodies(synthesised.stages["pr-12"])


def test_every_line_is_a_metric_of_a_resource_that_the_stage_has(shown: Stage) -> None:
    apis = {
        f"{{Ref:{id}}}" for template in shown.stacks.values() for id in template.of("AWS::ApiGatewayV2::Api")
    }
    count = 0
    for body in bodies(shown).values():
        for space, name, place, how in lines(body):
            count += 1
            assert name in ON_AWS[space], (space, name)
            assert how["stat"] in STATISTICS
            for key, value in place.items():
                assert value in (apis if key == "ApiId" else named(shown, *PLACES[key])), (key, value)
    assert count > 60


def test_what_a_service_measures_is_found_wherever_it_writes_it(dev: Stage) -> None:
    """A search finds what nobody listed: every metric of the namespace with just these dimensions."""
    searches = [
        metric[-1]["expression"]
        for widget in bodies(dev)["lamppost-dev-birthday"]["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if "SEARCH" in metric[-1].get("expression", "")
    ]
    assert len(searches) == 2
    for said in said_by_birthday().values():
        ((name, value),) = said.dimensions
        for search in searches:
            assert f'{{{said.namespace},{name}}} {name}="{value}"' in search


def test_everything_the_birthday_plan_looks_at_is_shown(prod: Stage) -> None:
    found = {
        (name, *place.values())
        for dashboard in ("birthday", "ground")
        for _, name, place, _ in lines(bodies(prod)[f"lamppost-prod-{dashboard}"])
    }
    assert found >= {
        ("Invocations", "bday-scheduler"),
        ("Duration", "bday-scheduler"),
        ("Errors", "bday-scheduler"),
        ("ApproximateNumberOfMessagesVisible", "bday-messages"),
        ("NumberOfMessagesSent", "bday-messages"),
        ("ApproximateAgeOfOldestMessage", "bday-messages"),
        ("Invocations", "bday-worker"),
        ("Errors", "bday-worker"),
        ("ConcurrentExecutions", "bday-worker"),
        ("ApproximateNumberOfMessagesVisible", "bday-messages-dlq"),
        ("CPUUtilization", "lamppost-prod"),
        ("DatabaseConnections", "lamppost-prod"),
        ("ReadLatency", "lamppost-prod"),
    }
    widgets = bodies(prod)["lamppost-prod-birthday"]["widgets"]
    (share,) = [each for each in widgets if each["properties"]["title"] == "bday-worker: success and failure"]
    labels = {metric[-1]["label"] for metric in share["properties"]["metrics"] if len(metric) == 1}
    assert labels == {"failed %", "succeeded %"}


def test_slow_queries_and_errors_are_read_from_groups_that_are_there(shown: Stage) -> None:
    groups = named(shown, "AWS::Logs::LogGroup", "LogGroupName")
    read = [
        part.strip()
        for body in bodies(shown).values()
        for widget in body["widgets"]
        if widget["type"] == "log"
        for part in widget["properties"]["query"].split("|")
        if part.strip().startswith("SOURCE ")
    ]
    assert f"SOURCE '/aws/rds/instance/lamppost-{shown.env}/postgresql'" in read
    assert {each.removeprefix("SOURCE ").strip("'") for each in read} <= groups


def test_widgets_fill_the_page_and_none_lies_on_another(shown: Stage) -> None:
    for body in bodies(shown).values():
        taken: dict[tuple[int, int], str] = {}
        for widget in body["widgets"]:
            for column in range(widget["x"], widget["x"] + widget["width"]):
                assert column < WIDTH
                for row in range(widget["y"], widget["y"] + widget["height"]):
                    assert (column, row) not in taken, widget["properties"]["title"]
                    taken[column, row] = widget["type"]
        depth = max(row for _, row in taken) + 1
        assert len(taken) == WIDTH * depth


def test_every_alarm_of_the_stage_stands_on_a_dashboard(shown: Stage) -> None:
    told = {
        arn.rpartition(":")[2]
        for body in bodies(shown).values()
        for widget in body["widgets"]
        for arn in widget["properties"].get("alarms", ())
    }
    assert told == {alarm["AlarmName"] for _, alarm in ringing(shown)}


def test_a_graph_shows_where_its_alarm_rings(prod: Stage) -> None:
    widgets = bodies(prod)["lamppost-prod-birthday"]["widgets"]
    (duration,) = [each for each in widgets if each["properties"]["title"] == "bday-worker: duration, ms"]
    marks = duration["properties"]["annotations"]["horizontal"]
    assert marks == [{"label": "bday-worker-duration", "value": 24_000}]
    (latency,) = [each for each in widgets if each["properties"]["title"] == "Latency, ms"]
    assert latency["properties"]["annotations"]["horizontal"] == [
        {"label": "bday-api-latency", "value": 3000}
    ]
