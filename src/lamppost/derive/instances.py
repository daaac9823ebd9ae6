"""The server under a stage's databases: how much it holds, and what it is watched for.

Metrics: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html
"""

import re
from collections.abc import Iterator

import msgspec

from lamppost.derive.measures import FIVE_MINUTES, RDS, Alarm, Measure
from lamppost.errors import OperatorError

_GIGABYTE = 1024**3
_CLASS = re.compile(r"(?:db\.)?([a-z])[a-z0-9]*\.(?:(micro|small|medium|large)|(\d*)xlarge)")
_SIZES = {"micro": 1, "small": 2, "medium": 4, "large": 8}
# Against a class of general purpose: r and x are made for memory, c for computing.
_FAMILIES = {"t": 1.0, "m": 1.0, "r": 2.0, "x": 4.0, "c": 0.5}
# RDS gives one connection to so many bytes: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
_BYTES_A_CONNECTION = 9_531_392
_MOST_CONNECTIONS = 5000
# RDS takes up to a quarter of a small class for itself.
_LEFT = 0.75
# Of the connections, so many may be in use before somebody is told.
_CONNECTIONS_USED = 0.8


class Server(msgspec.Struct, frozen=True):
    """An instance by its name and what its class holds, its read replicas, and the proxy before it."""

    name: str
    memory_gb: float = 1.0
    replicas: tuple[str, ...] = ()
    proxy: str | None = None


def memory_gb(instance: str) -> float:
    """The memory of an instance class, `t4g.micro` or `db.r7g.2xlarge`. Raises `OperatorError`."""
    found = _CLASS.fullmatch(instance)
    if found is None or found[1] not in _FAMILIES:
        raise OperatorError(
            f"instance {instance!r} is of no class whose memory is known",
            fix="take one like t4g.small, m7g.large or r7g.2xlarge",
            code="instance_unknown",
        )
    size = _SIZES[found[2]] if found[2] else 16 * int(found[3] or 1)
    return size * _FAMILIES[found[1]]


def connections(memory: float) -> int:
    """How many connections a server with so many gigabytes takes, as RDS sets `max_connections`."""
    return int(min(memory * _GIGABYTE * _LEFT / _BYTES_A_CONNECTION, _MOST_CONNECTIONS))


def database(server: Server) -> Iterator[Alarm]:
    """What the server of a stage's databases is watched for."""
    yield from _instance(server)
    for replica in server.replicas:
        yield _alarm(
            server,
            f"{replica.removeprefix(server.name + '-')}-lag",
            "the replica answers with what was true a minute ago",
            Measure(RDS, "ReplicaLag", (("DBInstanceIdentifier", replica),), "Average"),
            60,
            period=60,
            periods=5,
        )
    if server.proxy is not None:
        yield from _proxy(server, server.proxy)


def _instance(server: Server) -> Iterator[Alarm]:
    memory = server.memory_gb * _GIGABYTE

    def measure(metric: str, statistic: str) -> Measure:
        return Measure(RDS, metric, (("DBInstanceIdentifier", server.name),), statistic)

    cpu = measure("CPUUtilization", "Average")
    yield _alarm(server, "cpu", "the database has no time left", cpu, 80, periods=3)
    yield _alarm(
        server,
        "storage",
        "the database's disk is nearly full: it stops when it is",
        measure("FreeStorageSpace", "Minimum"),
        2 * _GIGABYTE,
        below=True,
    )
    yield _alarm(
        server,
        "connections",
        "four fifths of the database's connections are in use: soon functions will be refused",
        measure("DatabaseConnections", "Maximum"),
        int(connections(server.memory_gb) * _CONNECTIONS_USED),
        periods=3,
    )
    yield _alarm(
        server,
        "memory",
        "the database has hardly any memory left",
        measure("FreeableMemory", "Minimum"),
        memory / 16,
        below=True,
        periods=3,
    )
    yield _alarm(
        server,
        "wraparound",
        "old rows are not frozen in time: at two billion transactions the database stops",
        measure("MaximumUsedTransactionIDs", "Maximum"),
        1_000_000_000,
    )


def _proxy(server: Server, proxy: str) -> Iterator[Alarm]:
    place = (("ProxyName", proxy),)
    yield _alarm(
        server,
        "proxy-borrowing",
        "functions wait half a second for a connection of the proxy's",
        Measure(RDS, "DatabaseConnectionsBorrowLatency", place, "Average"),
        # Microseconds.
        500_000,
        periods=3,
    )
    yield _alarm(
        server,
        "proxy-refused",
        "the proxy could not open a connection to the database",
        Measure(RDS, "DatabaseConnectionsSetupFailed", place, "Sum"),
        0,
    )


def _alarm(
    server: Server,
    key: str,
    about: str,
    measure: Measure,
    threshold: float,
    *,
    below: bool = False,
    period: int = FIVE_MINUTES,
    periods: int = 1,
) -> Alarm:
    return Alarm(
        name=f"{server.name}-database-{key}",
        key=f"database-{key}",
        about=about,
        service="",
        measure=measure,
        threshold=threshold,
        below=below,
        period=period,
        periods=periods,
        breaches=periods,
        # A disk or a memory that is no longer measured is not well: it is not known.
        missing="missing" if below else "notBreaching",
    )
