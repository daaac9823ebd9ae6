"""What an invocation measured, as log lines in CloudWatch's embedded metric format.

CloudWatch reads the metrics out of the log: measuring costs one line, no call and no SDK.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import math
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

import msgspec

from lamppost.declare.alarms import Unit
from lamppost.errors import AuthorError

# What one line may hold: metrics, values of each, dimensions.
METRICS = 100
VALUES = 100
DIMENSIONS = 30
# How each of our lines begins.
OPENING = '{"_aws":'
# In which stage: two stages of one account would otherwise be one metric.
ENVIRONMENT = "Environment"

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9]{0,254}$")
_UNITS = frozenset(get_args(Unit))

Value = float | Iterable[float]
Dimensions = tuple[tuple[str, str], ...]


def namespace(service: str) -> str:
    """Where the metrics of a service stand in CloudWatch."""
    return f"Lamppost/{service}"


class Measured:
    """The values of one invocation, until they are written."""

    def __init__(self, service: str, env: str) -> None:
        self._namespace = namespace(service)
        self._env = env
        self._values: dict[Dimensions, dict[str, list[float]]] = {}
        self._units: dict[str, Unit] = {}

    def put(self, name: str, value: Value, unit: Unit, dimensions: dict[str, str]) -> None:
        """Note a value, or several; of more than a hundred at once, a hundred with their percentiles.

        What is not a finite number is left out, as CloudWatch would.
        Raises `AuthorError` for a name, unit or dimension that CloudWatch does not take.
        """
        _check(name, unit, dimensions)
        if self._units.setdefault(name, unit) != unit:
            raise AuthorError(
                f"metric {name!r} is measured in {self._units[name]} and in {unit}", fix="choose one unit"
            )
        given = (value,) if isinstance(value, int | float) else value
        finite = [float(each) for each in given if math.isfinite(each)]
        if finite:
            group = self._values.setdefault((*dimensions.items(), (ENVIRONMENT, self._env)), {})
            group.setdefault(name, []).extend(spread(finite))

    def write(self) -> None:
        """Say it, and begin anew."""
        for line in self.take(time.time_ns() // 1_000_000):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def take(self, at: int) -> list[str]:
        """As few lines as the format allows, measured at `at` (ms): one, unless there is very much."""
        taken, self._values = self._values, {}
        return list(self._lines(at, taken))

    def _lines(self, at: int, taken: dict[Dimensions, dict[str, list[float]]]) -> Iterator[str]:
        for dimensions, metrics in taken.items():
            pieces = [
                (name, values[first : first + VALUES])
                for name, values in metrics.items()
                for first in range(0, len(values), VALUES)
            ]
            while pieces:
                line: dict[str, list[float]] = {}
                later = []
                for name, values in pieces:
                    if name in line or len(line) == METRICS:
                        later.append((name, values))
                    else:
                        line[name] = values
                yield self._line(at, dimensions, line)
                pieces = later

    def _line(self, at: int, dimensions: Dimensions, metrics: dict[str, list[float]]) -> str:
        told: dict[str, Any] = {
            "_aws": {
                "Timestamp": at,
                "CloudWatchMetrics": [
                    {
                        "Namespace": self._namespace,
                        "Dimensions": [[name for name, _ in dimensions]],
                        "Metrics": [{"Name": name, "Unit": self._units[name]} for name in metrics],
                    }
                ],
            },
            **dict(dimensions),
        }
        for name, values in metrics.items():
            plain = [int(each) if each.is_integer() else each for each in values]
            told[name] = plain[0] if len(plain) == 1 else plain
        return msgspec.json.encode(told).decode()


def spread(values: Sequence[float], most: int = VALUES) -> list[float]:
    """`values`, or where they are more than `most`, as many evenly spaced by rank with both ends.

    Their percentiles are those of all, within a hundredth; that they were more is forgotten.
    """
    if len(values) <= most:
        return list(values)
    ranked = sorted(values)
    return [ranked[round(place * (len(ranked) - 1) / (most - 1))] for place in range(most)]


def _check(name: str, unit: str, dimensions: dict[str, str]) -> None:
    if not _NAME.match(name):
        raise AuthorError(f"metric {name!r}: a name is letters and digits", fix="rename the metric")
    if unit not in _UNITS:
        raise AuthorError(f"metric {name!r}: CloudWatch has no unit {unit!r}", fix='write it like "Seconds"')
    if len(dimensions) >= DIMENSIONS:
        raise AuthorError(
            f"metric {name!r} has {len(dimensions)} dimensions", fix=f"name at most {DIMENSIONS - 1}"
        )
    for dimension, value in dimensions.items():
        if dimension in (name, ENVIRONMENT) or not value or len(value) > 1024:
            raise AuthorError(
                f"metric {name!r} has the dimension {dimension!r} with the value {str(value)[:100]!r}",
                fix="name it otherwise than the metric, and give it up to 1,024 characters",
            )
