"""CloudWatch's metrics and alarms, as far as `aws cloudwatch` reads them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from lamppost.declare import names
from lamppost.derive.measures import Alarm, Measure
from lamppost.local.aliases import Aliases
from lamppost.local.aws.calls import Answer, Call, Given, Operation, present, refused
from lamppost.local.metrics import MINUTE, Metrics, Series, series
from lamppost.local.monitoring import Monitoring
from lamppost.local.points import Point
from lamppost.local.watch import Standing

# What CloudWatch answers at most: datapoints of one GetMetricStatistics, queries of one GetMetricData,
# entries of a page of ListMetrics and of DescribeAlarms.
DATAPOINTS = 1440
QUERIES = 500
PAGE = 500
ALARM_PAGE = 50

Shown = TypeVar("Shown", Series, Standing)

_PLAIN = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"^p(100|\d{1,2}(\.\d{1,10})?)$")


class CloudWatch:
    """CloudWatch's reading operations. `aliases` says by dimension which names are one and the same."""

    name = "cloudwatch"

    def __init__(self, monitoring: Monitoring, aliases: Mapping[str, Aliases]) -> None:
        self._monitoring = monitoring
        self._aliases = aliases
        self.operations: Mapping[str, Operation] = {
            "DescribeAlarms": self._describe,
            "GetMetricData": self._data,
            "GetMetricStatistics": self._statistics,
            "ListMetrics": self._list,
        }

    def needs(self, call: Call) -> Iterable[tuple[str, str]]:
        """Reading metrics is the operator's: no function is granted it."""
        yield f"cloudwatch:{call.operation}", "*"

    async def _metrics(self) -> Metrics:
        await self._monitoring.look()
        return self._monitoring.metrics

    async def _statistics(self, call: Call) -> Answer:
        given = call.given
        plain, extended = given.get("Statistics", []), given.get("ExtendedStatistics", [])
        if not plain and not extended:
            raise refused(
                "InvalidParameterCombinationException", "Statistics or ExtendedStatistics must be given."
            )
        for statistic in extended:
            _check_statistic(statistic, ())
        begin, end, period = _window(given, given["Period"])
        if (end - begin) / period > DATAPOINTS:
            raise refused(
                "InvalidParameterCombinationException",
                f"That would be more than {DATAPOINTS} datapoints: make Period longer or the time shorter.",
            )
        metrics = await self._metrics()
        which = self._series(given)
        unit = metrics.unit(which)
        datapoints = [
            present(
                Timestamp=_moment(at),
                Unit=unit,
                **{statistic: point.statistic(statistic) for statistic in plain},
                ExtendedStatistics={each: point.statistic(each) for each in extended} or None,
            )
            for at, point in _points(metrics, which, begin, end, period)
            if given.get("Unit", unit) == unit
        ]
        return {"Label": which.metric, "Datapoints": datapoints}

    async def _data(self, call: Call) -> Answer:
        given = call.given
        queries = given["MetricDataQueries"]
        if len(queries) > QUERIES:
            raise refused("InvalidParameterValueException", f"At most {QUERIES} queries.")
        metrics = await self._metrics()
        results = [self._result(metrics, query, given) for query in queries if query.get("ReturnData", True)]
        return {"MetricDataResults": results, "Messages": []}

    def _result(self, metrics: Metrics, query: Given, given: Given) -> Answer:
        asked = query.get("MetricStat")
        if asked is None:
            raise refused(
                "InvalidParameterValueException",
                f"{query['Id']}: metric math is not served on one machine; ask for the metrics themselves.",
            )
        _check_statistic(asked["Stat"], _PLAIN)
        begin, end, period = _window(given, asked["Period"])
        which = self._series(asked["Metric"])
        if asked.get("Unit", metrics.unit(which)) != metrics.unit(which):
            end = begin
        found = list(_points(metrics, which, begin, end, period))
        if given.get("ScanBy") != "TimestampAscending":
            found.reverse()
        return {
            "Id": query["Id"],
            "Label": query.get("Label", which.metric),
            "Timestamps": [_moment(at) for at, _ in found],
            "Values": [point.statistic(asked["Stat"]) for _, point in found],
            "StatusCode": "Complete",
        }

    async def _list(self, call: Call) -> Answer:
        given = call.given
        wanted = [(each["Name"], each.get("Value")) for each in given.get("Dimensions", [])]
        found = [
            which
            for which in (await self._metrics()).known()
            if given.get("Namespace", which.namespace) == which.namespace
            and given.get("MetricName", which.metric) == which.metric
            and all(self._has(which, name, value) for name, value in wanted)
        ]
        page, token = _page(found, given, PAGE)
        shown = [
            {
                "Namespace": which.namespace,
                "MetricName": which.metric,
                "Dimensions": _dimensions(which.dimensions),
            }
            for which in page
        ]
        return present(Metrics=shown, NextToken=token)

    async def _describe(self, call: Call) -> Answer:
        given = call.given
        if "MetricAlarm" not in given.get("AlarmTypes", ["MetricAlarm"]):
            return {"MetricAlarms": [], "CompositeAlarms": []}
        names_, prefix = given.get("AlarmNames"), given.get("AlarmNamePrefix", "")
        found = [
            each
            for each in sorted(self._monitoring.watch.standing(), key=lambda each: each.alarm.name)
            if (names_ is None or each.alarm.name in names_)
            and each.alarm.name.startswith(prefix)
            and given.get("StateValue", each.verdict.state) == each.verdict.state
        ]
        page, token = _page(found, given, given.get("MaxRecords", ALARM_PAGE))
        return present(MetricAlarms=[_described(each) for each in page], CompositeAlarms=[], NextToken=token)

    def _series(self, given: Given) -> Series:
        asked = {each["Name"]: each["Value"] for each in given.get("Dimensions", [])}
        place = {name: self._canonical(name, value) for name, value in asked.items()}
        return series(given.get("Namespace", ""), given.get("MetricName", ""), place)

    def _canonical(self, dimension: str, value: str) -> str:
        known = self._aliases.get(dimension)
        return known.canonical(value) if known is not None else value

    def _has(self, which: Series, name: str, value: str | None) -> bool:
        mine = dict(which.dimensions).get(name)
        return mine is not None and (value is None or mine == self._canonical(name, value))


def _window(given: Given, period: int) -> tuple[int, int, int]:
    """From, to and by how many seconds, as CloudWatch rounds them."""
    if period % MINUTE:
        raise refused(
            "InvalidParameterValueException", "Period must be a multiple of 60: minutes are kept here."
        )
    begin, end = given["StartTime"].timestamp(), given["EndTime"].timestamp()
    if begin >= end:
        raise refused("InvalidParameterValueException", "StartTime must be before EndTime.")
    return int(begin) // MINUTE * MINUTE, int(end), period


def _points(
    metrics: Metrics, which: Series, begin: int, end: int, period: int
) -> Iterator[tuple[int, Point]]:
    """The periods in which something was measured, oldest first."""
    # A caller's window may be an age long: only where there is something is looked at.
    first, last = metrics.extent(which)
    begin = max(begin, first - (first - begin) % period)
    for at in range(begin, min(end, last), period):
        point = metrics.window(which, at, min(at + period, end))
        if point is not None:
            yield at, point


def _check_statistic(statistic: str, plain: tuple[str, ...]) -> None:
    if statistic not in plain and not _PERCENTILE.match(statistic):
        raise refused(
            "InvalidParameterValueException",
            f"The statistic {statistic[:50]!r} is not served here; percentiles are, written like p95.",
        )


def _described(standing: Standing) -> Answer:
    alarm, verdict = standing.alarm, standing.verdict
    arn = f"arn:aws:cloudwatch:{names.LOCAL_REGION}:{names.LOCAL_ACCOUNT}:alarm:{alarm.name}"
    return present(
        AlarmName=alarm.name,
        AlarmArn=arn,
        AlarmDescription=alarm.about,
        ActionsEnabled=False,
        StateValue=verdict.state,
        StateReason=verdict.reason,
        StateUpdatedTimestamp=_moment(standing.since),
        EvaluationPeriods=alarm.periods,
        DatapointsToAlarm=alarm.breaches,
        Threshold=float(alarm.threshold),
        ComparisonOperator=alarm.comparison,
        TreatMissingData=alarm.missing,
        **_watched(alarm),
    )


def _watched(alarm: Alarm) -> Answer:
    if alarm.whole is not None:
        return {
            "Metrics": [
                {"Id": "rate", "Expression": alarm.expression, "ReturnData": True},
                *(
                    {"Id": id_, "MetricStat": _metric_stat(measure, alarm.period), "ReturnData": False}
                    for id_, measure in (("part", alarm.measure), ("whole", alarm.whole))
                ),
            ]
        }
    measure = alarm.measure
    kind = "Statistic" if measure.statistic in _PLAIN else "ExtendedStatistic"
    return {**_metric(measure), "Period": alarm.period, kind: measure.statistic}


def _metric_stat(measure: Measure, period: int) -> Answer:
    return {"Metric": _metric(measure), "Period": period, "Stat": measure.statistic}


def _metric(measure: Measure) -> Answer:
    return {
        "Namespace": measure.namespace,
        "MetricName": measure.metric,
        "Dimensions": _dimensions(measure.dimensions),
    }


def _dimensions(dimensions: Iterable[tuple[str, str]]) -> list[Answer]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _page(found: list[Shown], given: Given, size: int) -> tuple[list[Shown], str | None]:
    text = given.get("NextToken", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise refused("InvalidNextToken", "The token is not one that was given out here.")
    begin = int(text)
    return found[begin : begin + size], str(begin + size) if len(found) > begin + size else None
