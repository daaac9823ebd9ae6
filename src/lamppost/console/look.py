"""One look at a running system: everything the page shows, as plain data."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from lamppost.declare import names
from lamppost.derive.manifest import FunctionEntry, ServiceEntry
from lamppost.errors import OperatorError

if TYPE_CHECKING:
    from lamppost.local.inbox import Arrival
    from lamppost.local.queues import Queues
    from lamppost.local.system import System

DELIVERIES = 8
TEXT = 160


class Route(msgspec.Struct, frozen=True):
    """A route: its method, its path below the API's URL, the dev name of the function that answers."""

    method: str
    path: str
    function: str


class Api(msgspec.Struct, frozen=True):
    """An HTTP API."""

    name: str
    about: str
    url: str
    routes: tuple[Route, ...]


class Function(msgspec.Struct, frozen=True):
    """A function by its dev name: what wakes it, how many sandboxes are warm and how many work."""

    name: str
    wakes: str
    warm: int
    busy: int


class Queue(msgspec.Struct, frozen=True):
    """A queue: messages by state, the age of the oldest in seconds, and how many dead letters it has.

    `dead` is the name of its dead-letter queue; None where nothing dies.
    """

    name: str
    visible: int
    in_flight: int
    delayed: int
    oldest_s: float
    dead: str | None
    dead_letters: int


class Delivery(msgspec.Struct, frozen=True):
    """What the inbox received: `text` is the message, or the body's beginning."""

    at: datetime
    path: str
    text: str
    answered: int


class Setting(msgspec.Struct, frozen=True):
    """A declared parameter or secret. Values stay where they are."""

    name: str
    about: str
    has_value: bool


class Ringing(msgspec.Struct, frozen=True):
    """An alarm that rings, and the values that made it."""

    name: str
    about: str
    why: str


class Look(msgspec.Struct, frozen=True):
    """A system at a moment. `queues` is None while PostgreSQL does not answer.

    `alarms` counts those that can ring here.
    """

    pid: int
    now: datetime
    shift_s: float
    aws: str
    inbox: str
    postgres: str
    databases: tuple[str, ...]
    apis: tuple[Api, ...]
    functions: tuple[Function, ...]
    queues: tuple[Queue, ...] | None
    alarms: int
    ringing: tuple[Ringing, ...]
    deliveries: tuple[Delivery, ...]
    parameters: tuple[Setting, ...]
    secrets: tuple[Setting, ...]


async def look(system: "System") -> Look:
    """Look at `system` as it is now. Nothing is changed by looking."""
    services = system.manifest.services
    running = system.announced
    watched = system.monitoring.watch.standing()
    return Look(
        pid=running.pid,
        now=system.clock.now(),
        shift_s=system.clock.shift.total_seconds(),
        aws=running.aws,
        inbox=running.inbox,
        postgres=system.cluster.version,
        databases=tuple(sorted(system.manifest.databases())),
        apis=tuple(
            _api(service, running.inbox) for service in services if any(f.routes for f in service.functions)
        ),
        functions=tuple(
            _function(system, service, entry) for service in services for entry in service.functions
        ),
        queues=await _queues(system.queues),
        alarms=sum(not each.alarm.on_aws_only for each in watched),
        ringing=tuple(
            Ringing(each.alarm.name, each.alarm.about, each.verdict.reason)
            for each in watched
            if each.verdict.state == "ALARM"
        ),
        deliveries=tuple(_delivery(arrival) for arrival in system.inbox.newest(DELIVERIES)),
        parameters=tuple(
            Setting(each.name, each.about, system.settings.parameters.get(each.name) is not None)
            for service in services
            for each in service.parameters
        ),
        secrets=tuple(
            Setting(each.name, each.about, system.settings.secrets.find(each.name) is not None)
            for service in services
            for each in service.secrets
        ),
    )


def _api(service: ServiceEntry, inbox: str) -> Api:
    routes = tuple(
        Route(route.method, route.path, _dev(entry)) for entry in service.functions for route in entry.routes
    )
    return Api(service.name, service.about, f"{inbox.rpartition('/')[0]}/{service.name}", routes)


def _function(system: "System", service: ServiceEntry, entry: FunctionEntry) -> Function:
    pool = system.lambdas.pools().get(_dev(entry))
    wakes = _wakes(service, entry)
    return Function(_dev(entry), wakes, pool.size if pool else 0, pool.busy if pool else 0)


def _wakes(service: ServiceEntry, entry: FunctionEntry) -> str:
    for schedule in service.schedules:
        if schedule.runs == entry.name:
            return "every minute" if schedule.every == 60 else f"every {schedule.every} s"
    for queue in service.queues:
        if queue.runs == entry.name:
            return names.physical(queue.name, names.LOCAL_ENV)
    return "HTTP" if entry.routes else "an invoke"


async def _queues(queues: "Queues") -> tuple[Queue, ...] | None:
    settings = [queues.settings(name) for name in queues.names()]
    try:
        counted = await asyncio.gather(*(queues.counts(each.name) for each in settings))
    except OperatorError:
        return None
    counts = {each.name: count for each, count in zip(settings, counted, strict=True)}
    dead = {each.redrive.dead_name for each in settings if each.redrive}
    found = []
    for each in settings:
        if each.name in dead:
            continue
        count, grave = counts[each.name], each.redrive.dead_name if each.redrive else None
        letters = counts[grave].visible + counts[grave].in_flight if grave else 0
        found.append(
            Queue(
                each.name,
                count.visible,
                count.in_flight,
                count.delayed,
                round(count.oldest, 1),
                grave,
                letters,
            )
        )
    return tuple(found)


def _delivery(arrival: "Arrival") -> Delivery:
    body = arrival.body
    text = body.get("message") if isinstance(body, dict) else None
    if not isinstance(text, str):
        text = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    at = datetime.fromtimestamp(arrival.at, UTC)
    return Delivery(at, arrival.path, text if len(text) <= TEXT else text[: TEXT - 1] + "…", arrival.answered)


def _dev(entry: FunctionEntry) -> str:
    return names.physical(entry.named, names.LOCAL_ENV)
