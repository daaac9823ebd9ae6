"""What does a trace cost?

    python -m benchmarks.trace_cost [--requests 3000]

The same requests through the gateway of two running systems, in turns: in one the function records spans (as
in every local system), in the other it does not. And one statement's CPU, recorded and not.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from pathlib import Path
from shutil import copytree

import boto3
import psycopg

from lamppost.db.statements import Statement
from lamppost.observe import trace
from lamppost.observe.spans import Recording
from tests.running import ROOT, House

# As many as one invocation records.
SPANS = 150
TRACED = ROOT / "tests" / "data" / "traced"
# A function without a daemon records nothing, as on AWS without active tracing.
OFF = {"Variables": {"AWS_XRAY_DAEMON_ADDRESS": ""}}


class Caller:
    """A kept-alive connection to one system's API."""

    def __init__(self, house: House) -> None:
        base = house.running["apis"]["traced"].removeprefix("http://")
        host, _, self._path = base.partition("/")
        self._connection = http.client.HTTPConnection(host)

    def __call__(self) -> None:
        self._connection.request("GET", f"/{self._path}/one")
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--requests", type=int, default=3000)
    rounds = arguments.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        houses = {name: up(Path(folder) / name, name) for name in ("recorded", "not recorded")}
        try:
            show(in_turns({name: Caller(house) for name, house in houses.items()}, rounds))
            statement(houses["recorded"])
        finally:
            for house in houses.values():
                house.end()


def up(folder: Path, name: str) -> House:
    copytree(TRACED, folder / "repository")
    house = House(folder / "data", root=folder / "repository").up()
    if name != "recorded":
        client = boto3.client(
            "lambda",
            endpoint_url=house.running["aws"],
            region_name="us-east-2",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        client.update_function_configuration(FunctionName="traced-dev-api", Environment=OFF)
    return house


def in_turns(callers: dict[str, Caller], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by system."""
    taken: dict[str, list[float]] = {name: [] for name in callers}
    for turn in range(rounds + rounds // 10):
        for name, call in callers.items():
            begun = time.perf_counter()
            call()
            if turn >= rounds // 10:
                taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


def show(taken: dict[str, list[float]]) -> None:
    for name, times in taken.items():
        high = statistics.quantiles(times, n=100)[98]
        print(f"request, {name:14} p50 {statistics.median(times):6.3f} ms   p99 {high:6.3f} ms")
    with_, without = (statistics.median(taken[name]) for name in ("recorded", "not recorded"))
    print(
        f"recording costs {(with_ - without) * 1000:.0f} µs of a request, {(with_ / without - 1) * 100:.1f} %"
    )


def statement(house: House) -> None:
    """Microseconds of our own CPU for one statement: psycopg's, and what the cursor adds."""
    place = trace.Place(trace.new_trace_id(), trace.new_span_id(), True)
    dsn = house.running["postgres"]
    with psycopg.connect(dsn, autocommit=True) as plain, psycopg.connect(dsn, autocommit=True) as ours:
        ours.cursor_factory = Statement
        rows: dict[str, list[float]] = {"psycopg": [], "not recorded": [], "recorded": []}
        for turn in range(60):
            # Turn about who comes first, which finds the caches cold.
            for name in sorted(rows, key=lambda one: (list(rows).index(one) + turn) % len(rows)):
                times = rows[name]
                connection = plain if name == "psycopg" else ours
                trace.recording = Recording(place, "x", "function", {}) if name == "recorded" else None
                begun = time.thread_time_ns()
                for _ in range(SPANS):
                    connection.execute("select 1 where 1 = %s", (1,))
                if turn >= 10:
                    times.append((time.thread_time_ns() - begun) / 1000 / SPANS)
    trace.recording = None
    floor = statistics.median(rows["psycopg"])
    for name, times in rows.items():
        middle = statistics.median(times)
        print(f"statement, {name:14} p50 {middle:7.2f} µs of CPU   {middle - floor:+.2f}")


if __name__ == "__main__":
    main()
