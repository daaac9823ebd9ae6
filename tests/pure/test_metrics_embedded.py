"""Metrics as log lines: what is written is what CloudWatch's format says, and what is read back."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.errors import AuthorError
from lamppost.local.embedded import readings
from lamppost.local.metrics import series
from lamppost.observe.metrics import Measured, spread

AT = 1_795_259_816_011


def lines(measured: Measured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in measured.take(AT)]


def test_an_invocation_says_what_it_measured_in_one_line_of_the_documented_format():
    measured = Measured("birthday", "dev")
    measured.put("ClaimedEvents", 3, "Count", {})
    measured.put("Lateness", [0.5, 2.0], "Seconds", {})
    measured.put("ClaimedEvents", 4, "Count", {})
    assert lines(measured) == [
        {
            "_aws": {
                "Timestamp": AT,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Lamppost/birthday",
                        "Dimensions": [["Environment"]],
                        "Metrics": [
                            {"Name": "ClaimedEvents", "Unit": "Count"},
                            {"Name": "Lateness", "Unit": "Seconds"},
                        ],
                    }
                ],
            },
            "Environment": "dev",
            "ClaimedEvents": [3, 4],
            "Lateness": [0.5, 2],
        }
    ]


def test_each_set_of_dimensions_is_a_line_of_its_own():
    measured = Measured("birthday", "dev")
    measured.put("Sent", 1, "Count", {"Kind": "birthday"})
    measured.put("Sent", 2, "Count", {"Kind": "wedding"})
    said = lines(measured)
    assert [(line["Kind"], line["Sent"]) for line in said] == [("birthday", 1), ("wedding", 2)]
    assert said[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Kind", "Environment"]]
    assert lines(measured) == []


def test_no_line_holds_more_than_a_hundred_metrics_or_a_hundred_values_of_one():
    measured = Measured("birthday", "dev")
    for number in range(250):
        measured.put(f"Metric{number}", 1, "Count", {})
    for value in range(150):
        measured.put("Lateness", value, "Seconds", {})
    said = lines(measured)
    assert all(len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"]) <= 100 for line in said)
    assert [len(line["Lateness"]) for line in said if "Lateness" in line] == [100, 50]
    assert sum(f"Metric{number}" in line for line in said for number in range(250)) == 250


@given(st.integers(101, 3000), st.randoms(use_true_random=False))
def test_a_hundred_values_stand_for_a_thousand_with_nearly_their_percentiles(size, dice):
    values = [round(dice.expovariate(1), dice.choice((0, 6))) for _ in range(size)]
    kept, ranked = sorted(spread(values)), sorted(values)
    assert len(kept) == 100
    assert (kept[0], kept[-1]) == (ranked[0], ranked[-1])
    for percent in (50, 95, 99):
        below = ranked[int(size * max(percent - 2, 0) / 100)]
        above = ranked[min(int(size * (percent + 2) / 100), size - 1)]
        assert below <= kept[percent - 1] <= above


def test_few_values_stand_for_themselves():
    assert spread([3.0, 1.0, 2.0]) == [3.0, 1.0, 2.0]


def test_what_is_no_number_is_left_out_and_nothing_is_said_of_nothing():
    measured = Measured("birthday", "dev")
    measured.put("Lateness", [float("nan"), float("inf")], "Seconds", {})
    measured.put("Sent", [], "Count", {})
    assert lines(measured) == []


@pytest.mark.parametrize(
    ("name", "unit", "dimensions"),
    [
        ("_aws", "Count", {}),
        ("two words", "Count", {}),
        ("Sent", "Furlongs", {}),
        ("Sent", "Count", {"Environment": "mine"}),
        ("Sent", "Count", {"Kind": ""}),
        ("Sent", "Count", {f"D{number}": "x" for number in range(30)}),
    ],
)
def test_what_cloudwatch_would_drop_in_silence_is_refused_aloud(name, unit, dimensions):
    with pytest.raises(AuthorError):
        Measured("birthday", "dev").put(name, 1, unit, dimensions)


def test_one_metric_has_one_unit():
    measured = Measured("birthday", "dev")
    measured.put("Lateness", 1, "Seconds", {})
    with pytest.raises(AuthorError, match="measured in Seconds and in Milliseconds"):
        measured.put("Lateness", 1, "Milliseconds", {})


def test_what_is_written_is_read_back():
    measured = Measured("birthday", "dev")
    measured.put("Lateness", [1.5, 2], "Seconds", {"Kind": "birthday"})
    (reading,) = [reading for line in measured.take(AT) for reading in readings(line)]
    assert reading.which == series(
        "Lamppost/birthday", "Lateness", {"Kind": "birthday", "Environment": "dev"}
    )
    assert (reading.values, reading.unit, reading.at) == ([1.5, 2.0], "Seconds", AT / 1000)


def test_lines_of_other_libraries_are_read_too():
    # The example of the specification: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    line = {
        "_aws": {
            "Timestamp": AT,
            "CloudWatchMetrics": [
                {
                    "Namespace": "lambda-function-metrics",
                    "Dimensions": [["functionVersion"], []],
                    "Metrics": [{"Name": "time", "Unit": "Milliseconds", "StorageResolution": 60}],
                }
            ],
        },
        "functionVersion": "$LATEST",
        "time": 100,
        "requestId": "989ffbf8",
    }
    read = list(readings(json.dumps(line)))
    assert [each.which.dimensions for each in read] == [(("functionVersion", "$LATEST"),), ()]
    assert {tuple(each.values) for each in read} == {(100.0,)}


@pytest.mark.parametrize(
    "line",
    [
        'said "_aws" in passing',
        '{"_aws": null}',
        '{"_aws": {"Timestamp": "now", "CloudWatchMetrics": []}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n"}]}}',
        '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "n", "Metrics": [{"Name": "x"}]}]}}',
        '{"x": true, "_aws": {"Timestamp": 1, "CloudWatchMetrics":'
        ' [{"Namespace": "n", "Metrics": [{"Name": "x"}]}]}}',
        '{"x": 1, "_aws": {"Timestamp": 1, "CloudWatchMetrics":'
        ' [{"Namespace": "n", "Dimensions": [["absent"]], "Metrics": [{"Name": "x"}]}]}}',
        "[" * 5000,
    ],
)
def test_a_line_that_is_not_of_the_format_is_a_log_line_like_any_other(line):
    assert list(readings(line)) == []


def test_a_handler_that_measures_nothing_loads_nothing_for_it():
    budget = (Path(__file__).parents[1] / "house" / "import_budget" / "3.11.txt").read_text()
    assert not re.search(r"lamppost\.observe\.metrics|lamppost\.declare\.alarms", budget)
