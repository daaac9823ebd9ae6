"""The parts of a system and who calls whom, as nodes and edges."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from lamppost.declare import names
from lamppost.declare.bucket import place
from lamppost.derive.manifest import FunctionEntry, Manifest, ServiceEntry

Kind = Literal[
    "people", "operators", "api", "schedule", "function", "queue", "dead", "bucket", "database", "internet"
]
Way = Literal["http", "time", "order", "message", "dead", "file", "sql", "out"]

PEOPLE, OPERATORS, INTERNET = "people", "operators", "internet"


class Node(msgspec.Struct, frozen=True):
    """One part. `lane` is the service it belongs to; what several share has none."""

    id: str
    kind: Kind
    name: str
    about: str
    lane: str | None = None


class Edge(msgspec.Struct, frozen=True):
    """`source` calls, sends to, or reads `target`."""

    source: str
    target: str
    way: Way


class Lane(msgspec.Struct, frozen=True):
    """One service."""

    name: str
    about: str


class Graph(msgspec.Struct, frozen=True):
    """A whole system. Services that share a database stand beside each other."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    lanes: tuple[Lane, ...]

    def node(self, id: str) -> Node:
        """The node of this id. Raises `KeyError`."""
        return {node.id: node for node in self.nodes}[id]


def graph(manifest: Manifest) -> Graph:
    """The graph of a system: the same for the same declaration."""
    edges = tuple(dict.fromkeys(_edges(manifest)))
    met = {end for edge in edges for end in (edge.source, edge.target)}
    shared = [node for node in _shared(manifest) if node.id in met or node.kind == "database"]
    services = sorted(manifest.services, key=lambda service: _beside(service, manifest))
    own = [node for service in services for node in _own(service)]
    lanes = tuple(Lane(service.name, service.about) for service in services)
    return Graph((*shared, *own), edges, lanes)


def _beside(service: ServiceEntry, manifest: Manifest) -> tuple[int, int]:
    order = {each.name: number for number, each in enumerate(manifest.services)}
    if service.database is None:
        return order[service.name], order[service.name]
    _, lodgers = manifest.databases()[service.database.name]
    return order[lodgers[0].name], order[service.name]


def _shared(manifest: Manifest) -> Iterator[Node]:
    yield Node(PEOPLE, "people", "people", "and their programs")
    yield Node(OPERATORS, "operators", "operators", "and deployments")
    for name, (_, lodgers) in manifest.databases().items():
        yield Node(f"database.{name}", "database", name, ", ".join(each.name for each in lodgers))
    yield Node(INTERNET, "internet", "the internet", "any address it is told")


def _own(service: ServiceEntry) -> Iterator[Node]:
    lane = service.name
    routes = [route for function in service.functions for route in function.routes]
    if routes:
        door = "by token" if service.authorizer else "open to all"
        yield Node(f"api.{lane}", "api", "HTTP API", f"{_count(len(routes), 'route')}, {door}", lane)
    for number, pace in enumerate(service.schedules):
        yield Node(f"schedule.{lane}.{number}", "schedule", f"every {_pace(pace.every)}", "", lane)
    for function in service.functions:
        yield Node(_function(service, function.name), "function", function.name, _facts(function), lane)
    for queue in service.queues:
        many = f"{queue.batch} a batch, {queue.concurrency} at once" if queue.runs else "nobody works it off"
        yield Node(f"queue.{queue.name}", "queue", queue.name, many, lane)
        about = f"after {queue.attempts} tries, {queue.dead_keep // 86_400} days"
        yield Node(f"dead.{queue.name}", "dead", names.dead_letters(queue.name), about, lane)
    for bucket in service.buckets:
        kept = f"kept {_count(bucket.keep, 'day')}" if bucket.keep else "kept"
        yield Node(f"bucket.{bucket.name}", "bucket", bucket.name, kept, lane)


def _edges(manifest: Manifest) -> Iterator[Edge]:
    queues = {queue.name for service in manifest.services for queue in service.queues}
    dead = {names.dead_letters(queue): queue for queue in queues}
    for service in manifest.services:
        for queue in service.queues:
            if queue.runs:
                yield Edge(f"queue.{queue.name}", _function(service, queue.runs), "message")
        for number, pace in enumerate(service.schedules):
            yield Edge(f"schedule.{service.name}.{number}", _function(service, pace.runs), "time")
        for function in service.functions:
            yield from _of_function(service, function, dead)
        for queue in service.queues:
            yield Edge(f"queue.{queue.name}", f"dead.{queue.name}", "dead")


def _of_function(service: ServiceEntry, function: FunctionEntry, dead: dict[str, str]) -> Iterator[Edge]:
    me = _function(service, function.name)
    if function.routes:
        yield Edge(PEOPLE, f"api.{service.name}", "http")
        yield Edge(f"api.{service.name}", me, "http")
    elif function.kind == "invoke":
        yield Edge(OPERATORS, me, "order")
    for name in function.sends:
        yield Edge(me, f"dead.{dead[name]}" if name in dead else f"queue.{name}", "message")
    for stored in function.stores:
        yield Edge(me, f"bucket.{place(stored)[0]}", "file")
    if function.database and service.database is not None:
        yield Edge(me, f"database.{service.database.name}", "sql")
    for database in function.migrates:
        yield Edge(me, f"database.{database.name}", "sql")
    if function.internet:
        yield Edge(me, INTERNET, "out")


def _function(service: ServiceEntry, name: str) -> str:
    return f"function.{service.name}.{name}"


def _facts(function: FunctionEntry) -> str:
    settings = len(function.reads_parameters) + len(function.reads_secrets)
    facts = [f"{function.memory_mb} MB", f"{function.timeout:g} s"]
    return ", ".join([*facts, *([_count(settings, "setting")] if settings else [])])


def _pace(seconds: int) -> str:
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return word if seconds == size else f"{seconds // size} {word}s"
    return f"{seconds} s"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
