"""How often each function runs: read off what wakes it."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from lamppost.derive.cost.cron import FIELDS, runs_a_month
from lamppost.derive.cost.template import Resource, Templates
from lamppost.derive.cost.traffic import Traffic
from lamppost.derive.cost.use import figure
from lamppost.errors import OperatorError

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}


class Runs(msgspec.Struct, frozen=True):
    """So many runs a month, each billed for `seconds`, and whose they are. `sent_kb` a run leave AWS."""

    count: float
    seconds: float
    why: str
    sent_kb: float = 0
    stands: bool = False


Woken = dict[tuple[str, str], list[Runs]]


def woken(templates: Templates, traffic: Traffic, hours: float) -> Woken:
    """The runs of every function, by its stack and id. `hours` are in a month."""
    found: Woken = {(each.stack, each.id): [] for each in templates.of("AWS::Lambda::Function")}
    for source, runs in _all(templates, traffic, hours):
        if source is not None and (source.stack, source.id) in found:
            found[source.stack, source.id].append(runs)
    for each in templates.of("AWS::Lambda::Function"):
        if not found[each.stack, each.id]:
            count = traffic.own(each.name, "runs", traffic.other_runs)
            seconds = traffic.own(each.name, "seconds", traffic.other_seconds)
            found[each.stack, each.id].append(Runs(count, seconds, f"{figure(count)} runs"))
    return found


def _all(templates: Templates, traffic: Traffic, hours: float) -> Iterator[tuple[Resource | None, Runs]]:
    yield from _by_apis(templates, traffic)
    yield from _by_queues(templates, traffic)
    yield from _by_schedules(templates, traffic, hours)


def requests(api: Resource, traffic: Traffic) -> float:
    """The requests that come to this API in a month."""
    return traffic.own(api.name, "requests", traffic.requests)


def function_of(value: Any, stack: str, templates: Templates) -> Resource | None:
    """The function that a reference leads to, through its alias where it has one."""
    found = templates.led_to(value, stack)
    if found is not None and found.type in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
        return templates.led_to(found.get("FunctionName"), found.stack)
    return found


def _by_apis(templates: Templates, traffic: Traffic) -> Iterator[tuple[Resource | None, Runs]]:
    for api in templates.of("AWS::ApiGatewayV2::Api"):
        behind = [
            function_of(each.get("IntegrationUri"), each.stack, templates)
            for each in templates.of("AWS::ApiGatewayV2::Integration")
            if templates.led_to(each.get("ApiId"), each.stack) == api
        ]
        kinds = {(each.stack, each.id): each for each in behind if each is not None}
        total = requests(api, traffic)
        for each in kinds.values():
            # Who calls which route nobody knows: several functions share the requests evenly.
            count = total / len(kinds)
            seconds = traffic.own(each.name, "seconds", traffic.request_seconds)
            yield each, Runs(count, seconds, f"{figure(count)} requests to {api.name}")


def _by_queues(templates: Templates, traffic: Traffic) -> Iterator[tuple[Resource | None, Runs]]:
    for source in templates.of("AWS::Lambda::EventSourceMapping"):
        queue = templates.led_to(source.get("EventSourceArn"), source.stack)
        function = function_of(source.get("FunctionName"), source.stack, templates)
        if queue is None or function is None:
            continue
        messages = traffic.own(queue.name, "messages", traffic.messages)
        batch = traffic.own(queue.name, "batch", traffic.batch)
        seconds = traffic.own(function.name, "seconds", traffic.message_seconds)
        sent = traffic.own(queue.name, "posted_kb", traffic.posted_kb) * batch
        why = f"{figure(messages)} messages of {queue.name}" + (
            f", {figure(batch)} a run" if batch != 1 else ""
        )
        yield function, Runs(messages / batch, seconds, why, sent)


def _by_schedules(
    templates: Templates, traffic: Traffic, hours: float
) -> Iterator[tuple[Resource | None, Runs]]:
    for schedule in templates.of("AWS::Scheduler::Schedule"):
        function = function_of(schedule.get("Target", "Arn"), schedule.stack, templates)
        count = ticks(schedule, hours)
        seconds = traffic.tick_seconds
        if function is not None:
            seconds = traffic.own(function.name, "seconds", seconds)
        yield function, Runs(count, seconds, f"{figure(count)} ticks, {_said(schedule)}", stands=True)
    for rule in templates.of("AWS::Events::Rule"):
        if not isinstance(rule.get("ScheduleExpression"), str):
            continue
        for target in rule.get("Targets") or ():
            function = function_of(target.get("Arn"), rule.stack, templates)
            count = ticks(rule, hours)
            yield function, Runs(count, traffic.tick_seconds, f"{figure(count)} ticks", stands=True)


def ticks(schedule: Resource, hours: float) -> float:
    """How often a schedule ticks in a month. Raises `OperatorError` for one that nobody can count."""
    said = _said(schedule)
    rate = _RATE.fullmatch(said)
    if rate:
        return hours * 60 / (int(rate[1]) * _MINUTES[rate[2]])
    if said.startswith("at("):
        return 1
    if said.startswith("cron(") and len(said[5:-1].split()) == FIELDS:
        return runs_a_month(said[5:-1].split(), hours)
    raise OperatorError(
        f"{schedule.name} ticks by {said!r}, which cannot be counted",
        fix="write it as rate(…) or cron(…)",
        code="schedule_uncounted",
    )


def _said(schedule: Resource) -> str:
    return str(schedule.get("ScheduleExpression"))
