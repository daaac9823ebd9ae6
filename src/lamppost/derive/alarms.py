"""What a system is watched for: read off its functions, queues and databases, and its own alarms.

On AWS each becomes a CloudWatch alarm, on one machine `lamppost alarms` evaluates what is measured there.
AWS's metrics: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import math
from collections.abc import Iterator
from typing import Literal

import msgspec

from lamppost.declare import names
from lamppost.derive.manifest import AlarmEntry, FunctionEntry, Manifest, QueueEntry, ServiceEntry
from lamppost.observe.metrics import ENVIRONMENT, namespace

Missing = Literal["notBreaching", "breaching", "missing"]

LAMBDA, SQS, RDS, API = "AWS/Lambda", "AWS/SQS", "AWS/RDS", "AWS/ApiGateway"
ON_AWS_ONLY = frozenset({RDS, API})
VISIBLE, OLDEST = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
# The id of an API is AWS's own: the stacks fill it in.
API_ID = "{ApiId}"

_FIVE_MINUTES = 300
_HOUR, _DAY = 3600, 86_400
_GIGABYTE = 1024**3


class Measure(msgspec.Struct, frozen=True):
    """One metric and what of it is looked at: `Sum`, `Maximum`, `p99`."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A limit: it is over (or, with `below`, under) `threshold` in `breaches` of the last `periods` periods.

    What is compared is `measure`, or with `whole` its share of that in percent. `period` is seconds, `name`
    the alarm's physical name, `service` whose it is ("" for the database's). `missing` says what a period
    without a value counts for.
    """

    name: str
    about: str
    service: str
    measure: Measure
    threshold: float
    period: int = _FIVE_MINUTES
    whole: Measure | None = None
    below: bool = False
    periods: int = 1
    breaches: int = 1
    missing: Missing = "notBreaching"

    @property
    def comparison(self) -> str:
        """CloudWatch's word for how the value compares to the threshold."""
        return "LessThanThreshold" if self.below else "GreaterThanThreshold"

    @property
    def expression(self) -> str | None:
        """CloudWatch's metric math where two metrics are compared, `part` and `whole` being their ids."""
        return "IF(whole > 0, 100 * part / whole, 0)" if self.whole is not None else None

    @property
    def on_aws_only(self) -> bool:
        """Whether there is nothing on one machine that measures this."""
        return self.measure.namespace in ON_AWS_ONLY


def alarms(manifest: Manifest, *, env: str, system: str = "lamppost") -> tuple[Alarm, ...]:
    """Every alarm of the stage `env`, by service, the database's last: its instance is `{system}-{env}`."""
    found = [alarm for service in manifest.services for alarm in _service(service, env)]
    if manifest.databases():
        found += _database(f"{system}-{env}")
    return tuple(found)


def _service(service: ServiceEntry, env: str) -> Iterator[Alarm]:
    for alarm in service.alarms:
        yield _own(alarm, service, env)
    for queue in service.queues:
        yield from _queue(queue, service, env)
    paces = {schedule.runs: schedule.every for schedule in service.schedules}
    for function in service.functions:
        yield from _function(function, service, env)
        if function.name in paces:
            yield _silent(function, service, env, paces[function.name])
    if any(function.kind == "http" for function in service.functions):
        yield Alarm(
            name=names.physical(f"{service.prefix}-api-5xx", env),
            about=f"the API of {service.name} answers with errors of its own",
            service=service.name,
            measure=Measure(API, "5xx", (("ApiId", API_ID),), "Sum"),
            threshold=5,
        )


def _own(alarm: AlarmEntry, service: ServiceEntry, env: str) -> Alarm:
    place = ((ENVIRONMENT, env),)
    return Alarm(
        name=names.physical(f"{service.prefix}-{alarm.name}", env),
        about=alarm.about,
        service=service.name,
        measure=Measure(namespace(service.name), alarm.metric, place, alarm.statistic),
        whole=Measure(namespace(service.name), alarm.of, place, alarm.statistic) if alarm.of else None,
        threshold=alarm.over,
        period=alarm.period,
        periods=alarm.periods,
        breaches=alarm.periods,
    )


def _queue(queue: QueueEntry, service: ServiceEntry, env: str) -> Iterator[Alarm]:
    name = names.physical(queue.name, env)
    place = (("QueueName", name),)
    yield Alarm(
        name=f"{name}-depth",
        about=f"{name} fills faster than it is worked off",
        service=service.name,
        measure=Measure(SQS, VISIBLE, place, "Maximum"),
        threshold=1000,
        period=60,
        periods=5,
        breaches=5,
    )
    yield Alarm(
        name=f"{name}-age",
        about=f"a message of {name} is older than all its attempts take",
        service=service.name,
        measure=Measure(SQS, OLDEST, place, "Maximum"),
        threshold=max(_FIVE_MINUTES, queue.attempts * queue.visibility),
        period=60,
        periods=5,
        breaches=5,
    )
    yield _letters(names.dead_letters(queue.name), f"messages of {name} have died", service, env)


def _letters(queue: str, about: str, service: ServiceEntry, env: str) -> Alarm:
    """A queue that is to be empty."""
    name = names.physical(queue, env)
    return Alarm(
        name=f"{name}-messages",
        about=about,
        service=service.name,
        measure=Measure(SQS, VISIBLE, (("QueueName", name),), "Maximum"),
        threshold=0,
        period=60,
    )


def _function(function: FunctionEntry, service: ServiceEntry, env: str) -> Iterator[Alarm]:
    name = names.physical(function.named, env)
    place = (("FunctionName", name),)
    errors = Measure(LAMBDA, "Errors", place, "Sum")
    if function.kind in ("schedule", "invoke"):
        yield Alarm(
            name=f"{name}-errors",
            about=f"{name} fails again and again",
            service=service.name,
            measure=errors,
            # A tick that fails is made up for by the next; what is run by hand or by a deployment is not.
            threshold=3 if function.kind == "schedule" else 0,
        )
        yield _letters(names.failures(function.named), f"events that {name} failed at", service, env)
    else:
        yield Alarm(
            name=f"{name}-errors",
            about=f"more than a tenth of the invocations of {name} fail",
            service=service.name,
            measure=errors,
            whole=Measure(LAMBDA, "Invocations", place, "Sum"),
            threshold=10,
        )
    yield Alarm(
        name=f"{name}-throttles",
        about=f"{name} is asked for more than its concurrency allows",
        service=service.name,
        measure=Measure(LAMBDA, "Throttles", place, "Sum"),
        threshold=0,
    )
    yield Alarm(
        name=f"{name}-duration",
        about=f"{name} takes nearly as long as its timeout of {function.timeout:g} s allows",
        service=service.name,
        measure=Measure(LAMBDA, "Duration", place, "p99"),
        threshold=function.timeout * 1000 * 0.8,
        periods=3,
        breaches=3,
    )


def _silent(function: FunctionEntry, service: ServiceEntry, env: str, every: int) -> Alarm:
    """Three ticks that did not come. CloudWatch looks back a day, or with periods of an hour a week."""
    name = names.physical(function.named, env)
    awaited = min(max(3 * every, _FIVE_MINUTES), 7 * _DAY)
    period = math.ceil(awaited / 60) * 60 if awaited <= _DAY else _HOUR
    return Alarm(
        name=f"{name}-silent",
        about=f"{name} no longer runs",
        service=service.name,
        measure=Measure(LAMBDA, "Invocations", (("FunctionName", name),), "Sum"),
        threshold=1,
        below=True,
        period=period,
        periods=math.ceil(awaited / period),
        breaches=math.ceil(awaited / period),
        missing="breaching",
    )


def _database(instance: str) -> Iterator[Alarm]:
    place = (("DBInstanceIdentifier", instance),)
    yield Alarm(
        name=f"{instance}-database-cpu",
        about="the database has no time left",
        service="",
        measure=Measure(RDS, "CPUUtilization", place, "Average"),
        threshold=80,
        periods=3,
        breaches=3,
    )
    yield Alarm(
        name=f"{instance}-database-storage",
        about="the database's disk is nearly full: it stops when it is",
        service="",
        measure=Measure(RDS, "FreeStorageSpace", place, "Minimum"),
        threshold=2 * _GIGABYTE,
        below=True,
        missing="missing",
    )
