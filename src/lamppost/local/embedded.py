"""Metrics out of log lines, in CloudWatch's embedded metric format, as CloudWatch reads them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from lamppost.local.metrics import Series, series

# What stands in every line that holds metrics; whoever wrote it.
MARK = '"_aws"'
# Of a dimension's value.
_LONGEST = 1024


class _Definition(msgspec.Struct):
    name: str = msgspec.field(name="Name")
    unit: str = msgspec.field(name="Unit", default="None")


class _Directive(msgspec.Struct):
    namespace: str = msgspec.field(name="Namespace")
    dimensions: list[list[str]] = msgspec.field(name="Dimensions", default_factory=lambda: [[]])
    metrics: list[_Definition] = msgspec.field(name="Metrics", default=[])


class _Metadata(msgspec.Struct):
    timestamp: int = msgspec.field(name="Timestamp")
    directives: list[_Directive] = msgspec.field(name="CloudWatchMetrics")


class Reading(msgspec.Struct, frozen=True):
    """Values of one series, measured at `at` (seconds since 1970)."""

    which: Series
    values: list[float]
    unit: str
    at: float


def readings(line: str) -> Iterator[Reading]:
    """What `line` measures; nothing when it is not of the format: then it is a log line like any other."""
    try:
        told: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        metadata = msgspec.convert(told.get("_aws"), _Metadata)
    except (msgspec.DecodeError, RecursionError):
        return
    for directive in metadata.directives:
        for names in directive.dimensions:
            place = {name: told[name] for name in names if _is_short(told.get(name))}
            if len(place) != len(names):
                continue
            for metric in directive.metrics:
                values = _numbers(told.get(metric.name))
                if values:
                    which = series(directive.namespace, metric.name, place)
                    yield Reading(which, values, metric.unit, metadata.timestamp / 1000)


def _is_short(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _numbers(value: Any) -> list[float]:
    """A number, or a list of numbers; nothing when something else is among them."""
    given = value if isinstance(value, list) else [value]
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in given):
        return [float(each) for each in given if math.isfinite(each)]
    return []
