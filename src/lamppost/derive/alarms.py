"""What a system is watched for: read off its functions, queues and databases, and its own alarms.

On AWS each becomes a CloudWatch alarm, on one machine `lamppost alarms` evaluates what is measured there.
"""

import math
from collections.abc import Iterator

from lamppost.declare import limits, names
from lamppost.derive.instances import Server, database
from lamppost.derive.manifest import AlarmEntry, FunctionEntry, Manifest, QueueEntry, ServiceEntry
from lamppost.derive.measures import (
    API,
    API_ID,
    EC2,
    FIVE_MINUTES,
    JOBS_ARN,
    LAMBDA,
    NAT,
    OLDEST,
    SCHEDULER,
    SQS,
    STATES,
    VISIBLE,
    WAY_OUT,
    Alarm,
    Measure,
)
from lamppost.observe.metrics import ENVIRONMENT, namespace

_HOUR, _DAY = 3600, 86_400
# Three seconds are a cold start, a query that waits, and patience that ends.
_SLOW_API_MS = 3000


def alarms(
    manifest: Manifest, *, env: str, server: Server | None = None, egress: str = ""
) -> tuple[Alarm, ...]:
    """Every alarm of the stage `env`, by service, the ground's last.

    The databases stand on `server`. Functions reach the internet by `egress`, a gateway (`nat`), an instance
    (`nat-instance`), or what needs no watching.
    """
    found = [alarm for service in manifest.services for alarm in of_service(service, env)]
    return (*found, *of_ground(manifest, server or Server(f"lamppost-{env}"), egress))


def of_ground(manifest: Manifest, server: Server, egress: str) -> Iterator[Alarm]:
    """Every alarm of what all services stand on."""
    if manifest.databases():
        yield from database(server)
    if egress == "nat-instance":
        yield Alarm(
            name=f"{server.name}-way-out-down",
            key="way-out-down",
            about="the instance that leads functions to the internet does not answer: no call leaves",
            service="",
            measure=Measure(EC2, "StatusCheckFailed", (("InstanceId", WAY_OUT),), "Maximum"),
            threshold=0,
            period=60,
            periods=3,
            breaches=3,
            # One that is gone says nothing.
            missing="breaching",
        )
    if egress == "nat":
        yield Alarm(
            name=f"{server.name}-way-out-full",
            key="way-out-full",
            about="functions open more connections to one address than the NAT gateway has ports",
            service="",
            measure=Measure(NAT, "ErrorPortAllocation", (("NatGatewayId", WAY_OUT),), "Sum"),
            threshold=0,
        )
    if any(function.migrates for service in manifest.services for function in service.functions):
        yield from _jobs(server)


def _jobs(server: Server) -> Iterator[Alarm]:
    """Runs of heavy migrations that nobody waits for."""
    for how, about in (("Failed", "ended with an error"), ("TimedOut", "was still at work after a week")):
        yield Alarm(
            name=f"{server.name}-jobs-{how.lower()}",
            key=f"jobs-{how.lower()}",
            about=f"a run of heavy migrations {about}",
            service="",
            measure=Measure(STATES, f"Executions{how}", (("StateMachineArn", JOBS_ARN),), "Sum"),
            threshold=0,
        )


def of_service(service: ServiceEntry, env: str) -> Iterator[Alarm]:
    """Every alarm of one service in the stage `env`."""
    for alarm in service.alarms:
        yield _own(alarm, service, env)
    for queue in service.queues:
        yield from _queue(queue, service, env)
    paces = {schedule.runs: schedule.every for schedule in service.schedules}
    for function in service.functions:
        yield from of_function(function, service, env)
        if function.name in paces:
            yield _silent(function, service, env, paces[function.name])
    if service.schedules:
        yield _dropped(service, env)
    if any(function.kind == "http" for function in service.functions):
        yield from _api(service, env)


def _own(alarm: AlarmEntry, service: ServiceEntry, env: str) -> Alarm:
    place = ((ENVIRONMENT, env),)
    key = f"{service.prefix}-{alarm.name}"
    return Alarm(
        name=names.physical(key, env),
        key=key,
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
        key=f"{queue.name}-depth",
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
        key=f"{queue.name}-age",
        about=f"a message of {name} is older than all its attempts take",
        service=service.name,
        measure=Measure(SQS, OLDEST, place, "Maximum"),
        threshold=max(FIVE_MINUTES, queue.attempts * queue.visibility),
        period=60,
        periods=5,
        breaches=5,
    )
    dead = names.dead_letters(queue.name)
    yield from _letters(dead, f"messages of {name} have died", service, env, keep=queue.dead_keep)


def _letters(queue: str, about: str, service: ServiceEntry, env: str, *, keep: float) -> Iterator[Alarm]:
    """A queue that is to be empty: SQS deletes what nobody looks at in `keep` seconds."""
    name = names.physical(queue, env)
    place = (("QueueName", name),)
    yield Alarm(
        name=f"{name}-messages",
        key=f"{queue}-messages",
        about=about,
        service=service.name,
        measure=Measure(SQS, VISIBLE, place, "Maximum"),
        threshold=0,
        period=60,
    )
    yield Alarm(
        name=f"{name}-age",
        key=f"{queue}-age",
        about=f"what lies in {name} has waited for half of the {keep / _DAY:g} days it is kept",
        service=service.name,
        measure=Measure(SQS, OLDEST, place, "Maximum"),
        threshold=keep / 2,
    )


def of_function(function: FunctionEntry, service: ServiceEntry, env: str) -> Iterator[Alarm]:
    """What one function of `service` is watched for, whoever starts it."""
    name = names.physical(function.named, env)
    place = (("FunctionName", name),)
    alone = function.kind in ("schedule", "invoke")
    yield Alarm(
        name=f"{name}-errors",
        key=f"{function.named}-errors",
        about=f"{name} fails again and again"
        if alone
        else f"more than a tenth of the invocations of {name} fail",
        service=service.name,
        measure=Measure(LAMBDA, "Errors", place, "Sum"),
        whole=None if alone else Measure(LAMBDA, "Invocations", place, "Sum"),
        threshold=_errors(function),
    )
    if alone:
        queue, about = names.failures(function.named), f"events that {name} failed at"
        yield from _letters(queue, about, service, env, keep=limits.RETENTION_MAX.total_seconds())
        yield Alarm(
            name=f"{name}-lost",
            key=f"{function.named}-lost",
            about=f"an event that {name} failed at could not be kept, and is gone",
            service=service.name,
            measure=Measure(LAMBDA, "DestinationDeliveryFailures", place, "Sum"),
            threshold=0,
        )
    yield Alarm(
        name=f"{name}-throttles",
        key=f"{function.named}-throttles",
        about=f"{name} is asked for more than its concurrency allows",
        service=service.name,
        measure=Measure(LAMBDA, "Throttles", place, "Sum"),
        threshold=0,
    )
    yield Alarm(
        name=f"{name}-duration",
        key=f"{function.named}-duration",
        about=f"{name} takes nearly as long as its timeout of {function.timeout:g} s allows",
        service=service.name,
        measure=Measure(LAMBDA, "Duration", place, "p99"),
        threshold=function.timeout * 1000 * 0.8,
        periods=3,
        breaches=3,
    )


def _errors(function: FunctionEntry) -> float:
    """How many, or with callers how many in a hundred, may fail."""
    # A tick that fails is made up for by the next; what is run by hand or by a deployment is not.
    return {"schedule": 3, "invoke": 0}.get(function.kind, 10)


def _silent(function: FunctionEntry, service: ServiceEntry, env: str, every: int) -> Alarm:
    """Three ticks that did not come. CloudWatch looks back a day, or with periods of an hour a week."""
    name = names.physical(function.named, env)
    awaited = min(max(3 * every, FIVE_MINUTES), 7 * _DAY)
    period = math.ceil(awaited / 60) * 60 if awaited <= _DAY else _HOUR
    return Alarm(
        name=f"{name}-silent",
        key=f"{function.named}-silent",
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


def _dropped(service: ServiceEntry, env: str) -> Alarm:
    group = names.schedule_group(service.prefix, env)
    return Alarm(
        name=f"{group}-dropped",
        key=f"{service.prefix}-schedules-dropped",
        about=f"a schedule of {service.name} could not start its function",
        service=service.name,
        measure=Measure(SCHEDULER, "InvocationDroppedCount", (("ScheduleGroup", group),), "Sum"),
        threshold=0,
    )


def _api(service: ServiceEntry, env: str) -> Iterator[Alarm]:
    key = f"{service.prefix}-api"
    place = (("ApiId", API_ID),)
    yield Alarm(
        name=names.physical(f"{key}-5xx", env),
        key=f"{key}-5xx",
        about=f"the API of {service.name} answers with errors of its own",
        service=service.name,
        measure=Measure(API, "5xx", place, "Sum"),
        threshold=5,
    )
    yield Alarm(
        name=names.physical(f"{key}-latency", env),
        key=f"{key}-latency",
        about=f"one caller in twenty waits {_SLOW_API_MS / 1000:g} s and more for the API of {service.name}",
        service=service.name,
        measure=Measure(API, "Latency", place, "p95"),
        threshold=_SLOW_API_MS,
        periods=3,
        breaches=3,
    )
