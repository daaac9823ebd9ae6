"""How long do 1,000 due greetings take, claimed to recorded, when the receiver answers at once?

    .venv/bin/python -m benchmarks.delivery_batch [--people 1000] [--rounds 7] [--delay 0.0]

One warm scheduler and one warm worker, in this process, on a PostgreSQL of its own with fsync on;
the receiver is a process of its own and answers after `--delay` seconds. Prints medians in ms and
fails when a greeting was lost or repeated.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import claim
from lamppost.local.postgres import address
from lamppost.local.postgres.cluster import Cluster
from lamppost.testing.databases import Databases
from tests.birthday import World

ROOT = Path(__file__).parent.parent


class Instant(asyncio.Protocol):
    """Answers 204 to every request, after `delay` seconds; counts them on stdout's behalf."""

    count = 0
    delay = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.text = b""

    def data_received(self, data: bytes) -> None:
        self.text += data
        while (end := self.text.find(b"\r\n\r\n")) >= 0:
            head = self.text[:end].lower()
            if head.startswith(b"get "):
                body, whole = str(Instant.count).encode(), end + 4
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            else:
                at = head.find(b"content-length:") + len(b"content-length:")
                whole = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
                if len(self.text) < whole:
                    return
                Instant.count += 1
                asyncio.get_running_loop().call_later(
                    self.delay, self.answer
                ) if self.delay else self.answer()
            self.text = self.text[whole:]

    def answer(self) -> None:
        self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def receive(delay: float) -> None:
    Instant.delay = delay
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Instant, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def one_round(world: World, people: int) -> tuple[float, float]:
    """Seconds of the scheduler and of the worker."""
    (due,) = world.admin.execute(
        "select date_trunc('day', lamppost.now() at time zone 'UTC') at time zone 'UTC' + interval '33 hours'"
    ).fetchall()[0]
    # All are due at the same nine o'clock, tomorrow; the round then sets the clock there.
    claim.fill(world.admin, people, due.isoformat())
    world.now_is(due.isoformat())
    started = time.perf_counter()
    world.tick()
    claimed = time.perf_counter()
    world.deliver()
    return claimed - started, time.perf_counter() - claimed


def measure(world: World, people: int, rounds: int) -> None:
    one_round(world, people)
    world.pass_time(timedelta(hours=1))
    times = [one_round(world, people) for _ in range(rounds)]
    delivered = world.admin.execute(
        "select count(*), count(distinct person_id), sum(attempts)"
        "  from birthday.greetings where status = 'delivered'"
    ).fetchall()[0]
    expected = people * (rounds + 1)
    assert delivered == (expected, expected, expected), f"{delivered}, not {expected} each once"
    scheduler, worker = ([1000 * each[n] for each in times] for n in (0, 1))
    both = [sum(pair) for pair in zip(scheduler, worker, strict=True)]
    for name, figures in (("scheduler", scheduler), ("worker", worker), ("claimed to recorded", both)):
        print(
            f"{name:20} median {statistics.median(figures):8.1f} ms   "
            f"min {min(figures):8.1f}   max {max(figures):8.1f}"
        )


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--people", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--delay", type=float, default=0.0)
    options.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.receive:
        asyncio.run(receive(chosen.delay))
        return
    os.environ["LAMPPOST_ALLOW_WEBHOOK"] = "loopback"
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "postgres")
        cluster.launch()
        cluster.ready()
        command = [
            sys.executable,
            "-m",
            "benchmarks.delivery_batch",
            "--receive",
            "--delay",
            str(chosen.delay),
        ]
        receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        try:
            assert receiver.stdout is not None
            port = receiver.stdout.readline().strip()
            where = address.read(Path(folder) / "postgres")
            assert where is not None
            world = World(
                Databases(where, ROOT / "services").make(("birthday",)), f"http://127.0.0.1:{port}/hook"
            )
            print(
                f"{chosen.people} greetings, {chosen.rounds} rounds, receiver answers after {chosen.delay} s"
            )
            measure(world, chosen.people, chosen.rounds)
            world.close()
        finally:
            receiver.terminate()
            receiver.wait()
            cluster.stop()


if __name__ == "__main__":
    main()
