"""What a service wants to be woken for: limits on the metrics its functions measure.

What every function and queue is watched for follows from the declaration by itself (`derive.alarms`).
"""

import re
from datetime import timedelta
from typing import Literal

import msgspec

from lamppost.declare.durations import minutes
from lamppost.errors import AuthorError

# CloudWatch's units, https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
Unit = Literal[
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
    "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second",
    "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second",
    "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
]  # fmt: skip
Statistic = Literal["Sum", "Average", "Minimum", "Maximum", "p50", "p90", "p95", "p99"]

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,60}$")
_METRIC = re.compile(r"^[A-Za-z][A-Za-z0-9]{0,254}$")
_MINUTE = minutes(1)
# CloudWatch looks back no further than a day with periods under an hour.
_LONGEST = timedelta(days=1)


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Rings when `metric`, as `ctx.metric` measures it, is over a limit in each of `periods` in a row.

    With `of`, what is compared is `metric` in percent of that other metric: 0 when that one is 0. A period
    in which nothing was measured is no reason to ring. `name` follows the service's prefix on AWS.
    """

    name: str
    about: str
    metric: str
    over: float
    of: str | None = None
    statistic: Statistic = "Sum"
    period: timedelta = minutes(5)
    periods: int = 1

    def __post_init__(self) -> None:
        what = f"alarm {self.name!r}"
        if not _NAME.match(self.name):
            raise AuthorError(f"{what}: names are lower-case letters, digits and -", fix="rename the alarm")
        for metric in (self.metric, self.of or self.metric):
            if not _METRIC.match(metric):
                raise AuthorError(
                    f"{what} watches {metric!r}; metrics are letters and digits", fix="rename the metric"
                )
        if self.period < _MINUTE or self.period % _MINUTE or self.periods < 1:
            raise AuthorError(
                f"{what} looks at {self.periods} periods of {self.period}",
                fix="take whole minutes, and at least one period",
            )
        if self.period * self.periods > _LONGEST:
            raise AuthorError(
                f"{what} looks back {self.period * self.periods}; CloudWatch looks back a day",
                fix="lower period= or periods=",
            )
