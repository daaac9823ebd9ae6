"""Ten times as many callers as connections, for half a minute: does the cap hold, and when is it over?

    python -m benchmarks.storm [--seconds 30] [--pool 3]

First at the gateway, four connections and forty callers (`tests.faults.gateway_storm`): a function with
reserved concurrency; one that grows to sixteen sandboxes, whose server lets four connections in; and the
same with PostgreSQL killed by -9 in the middle. Then in one process, on one pool of
an embedded PostgreSQL, twice: callers who may wait for a connection as long as usual (5 s), and callers who
may wait for 0.1 s only, whom a 503 turns away.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from lamppost.db.pool import close_pool
from lamppost.local.postgres import throwaway
from lamppost.local.postgres.address import Address
from lamppost.testing.databases import Databases
from tests.faults.gateway_storm import orders, works
from tests.faults.storm import Storm
from tests.once import ONCE, TABLES, point_to
from tests.running import House


def blow(admin: str, name: str, pool: int, seconds: float, *, wait_ms: int, work: float) -> None:
    os.environ.update(DB_POOL_MAX=str(pool), DB_CONNECTION_TIMEOUT=str(wait_ms))
    close_pool()
    storm = Storm(admin, 10 * pool, work=work).blow(seconds)
    high = statistics.quantiles(storm.latencies, n=100)[98]
    print(
        f"{name:22} {10 * pool} callers, {work * 1000:.0f} ms of work each: "
        f"{storm.statuses[200]} answers, {storm.statuses[503]} × 503"
        f" ({storm.refusals_without_retry_after} without Retry-After); "
        f"most connections {storm.most_connections} of {pool}; p99 {high:.2f} s; "
        f"served again {storm.recovered_after:.3f} s after the end"
    )


def at_the_gateway(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(ONCE, Path(place) / "repository", ignore=shutil.ignore_patterns("__pycache__"))
        house = House(Path(place) / "data", root=Path(place) / "repository").up()
        try:
            for name, storm, kill in (
                ("concurrency reserved", works, False),
                ("four let in", orders, False),
                ("four let in, kill -9 of PostgreSQL", orders, True),
            ):
                print(
                    f"gateway, {name}: {json.dumps(storm(house).blow(seconds, kill=kill).told(), indent=1)}"
                )
        finally:
            house.end()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--pool", type=int, default=3)
    given = arguments.parse_args()
    at_the_gateway(given.seconds)
    os.environ["LOG_LEVEL"] = "off"
    with throwaway.server() as cluster:
        address = Address(cluster.port, cluster.password)
        made = Databases(address, Path("services")).make((), TABLES)
        point_to(made.app)
        for name, wait_ms, work in (("who can wait", 5_000, 0.02), ("who cannot wait", 100, 0.1)):
            blow(made.admin, name, given.pool, given.seconds, wait_ms=wait_ms, work=work)
        close_pool()
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
