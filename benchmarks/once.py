"""What does an Idempotency-Key cost, and what a rate limit?

    python -m benchmarks.once [--requests 2000]

One POST that inserts a row, called plain, with a new key each, and with one key repeated; one GET that does
nothing, with and without a bucket. In process (the function's own time, on a real PostgreSQL) and through the
gateway of a running system. The kinds take turns, request by request, so that all see the same machine.
"""

import argparse
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

from lamppost.runtime import limits
from tests.once import ONCE, Shop, point_to
from tests.running import House

Kind = tuple[str, Callable[[], Any]]


def in_turns(kinds: list[Kind], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by kind."""
    taken: dict[str, list[float]] = {name: [] for name, _ in kinds}
    for turn in range(rounds + rounds // 10):
        for name, call in kinds:
            begun = time.perf_counter()
            call()
            if turn >= rounds // 10:
                taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


def show(where: str, taken: dict[str, list[float]]) -> None:
    for name, times in taken.items():
        high = statistics.quantiles(times, n=100)[98]
        print(f"{where:12} {name:34} p50 {statistics.median(times):6.2f} ms   p99 {high:6.2f} ms")


def in_process(house: House, rounds: int) -> None:
    point_to(house.running["postgres"].rpartition("/")[0] + "/once")
    shop, counted = Shop(), Shop("counted")

    def counting() -> None:
        # A caller each, or the bucket would be empty soon.
        counted.ask("GET /page", caller=str(uuid.uuid4()))

    shop.ask("POST /order", key="again")
    kinds: list[Kind] = [
        ("POST", lambda: shop.ask("POST /order")),
        ("POST with a new key", lambda: shop.ask("POST /order", key=str(uuid.uuid4()))),
        ("POST with a known key (replay)", lambda: shop.ask("POST /order", key="again")),
        ("GET", lambda: shop.ask("GET /nothing")),
        ("GET with a rate", counting),
    ]
    show("in process", in_turns(kinds, rounds))
    limits._empty.clear()


def through_the_gateway(house: House, rounds: int) -> None:
    import http.client

    host, _, path = house.running["apis"]["once"].removeprefix("http://").partition("/")
    line = http.client.HTTPConnection(host)
    head = {"content-type": "application/json"}

    def ask(method: str, route: str, body: bytes | None, more: dict[str, str]) -> int:
        line.request(method, f"/{path}{route}", body, {**head, **more})
        answer = line.getresponse()
        answer.read()
        return answer.status

    def post(key: str | None) -> None:
        status = ask("POST", "/order", b'{"name":"one"}', {"idempotency-key": key} if key else {})
        assert status == 201, status

    post("again")
    kinds: list[Kind] = [
        ("POST", lambda: post(None)),
        ("POST with a new key", lambda: post(str(uuid.uuid4()))),
        ("POST with a known key (replay)", lambda: post("again")),
        ("GET", lambda: ask("GET", "/nothing", None, {})),
        ("GET with a rate (all let through)", lambda: ask("GET", "/plenty", None, {})),
    ]
    show("gateway", in_turns(kinds, rounds))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--requests", type=int, default=2000)
    rounds = arguments.parse_args().requests
    os.environ["LOG_LEVEL"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        copytree(ONCE, Path(folder) / "repository")
        house = House(Path(folder) / "data", root=Path(folder) / "repository")
        try:
            house.up()
            in_process(house, rounds)
            through_the_gateway(house, rounds)
        finally:
            house.end()
    print(f"{rounds} requests of each kind; load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
