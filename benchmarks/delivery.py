"""How long from the tick until the last greeting is recorded, and how long do others take for the same?

    .venv/bin/python -m benchmarks.delivery [--rounds 3] [--million] [--quick]      (five minutes)

Ours: `lamppost up` on a data folder of its own (fsync on), warm sandboxes, everyone due at one instant; the
scheduler is invoked as EventBridge does. Peers: each in an environment of its own, one warm worker, on a
server of the same kind with the same settings; each claims (skip locked), puts one job a greeting on its
queue, and for each job reads the person, signs, posts and records. All post to one receiver, a process of its
own, that answers at once, after 50 ms or after a second. Rounds in turn; medians. `--quick` is one round of
little.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.delivery_ours import Ours, Receiver, Round, postmaster
from benchmarks.delivery_peers.ceiling import posts_a_second
from benchmarks.delivery_peers.running import Peer, Running
from lamppost.local.postgres.cluster import Cluster
from tests.running import House

ROOT = Path(__file__).parent.parent
MANY = 1000
DELAYS = (0.0, 0.05, 1.0)
# Ten workers have nine hundred posts under way each.
ROOM = 9000
SEED = {10: 2, 50: 6, 100: 11, 1000: 101}
FEW = (10, 50, 100)
LARGE = (10_000, 100_000)
# The first is what most would write; ten at once is the seed's. Then what each was fastest with here.
PEERS = (
    Peer("pgqueuer", "httpx", 10, 10),
    Peer("pgqueuer", "httpx", 100, 100),
    Peer("pgqueuer", "aiohttp", 10, 10),
    Peer("pgqueuer", "aiohttp", 1000, 500),
    Peer("procrastinate", "httpx", 10, 1),
    Peer("graphile-worker", "fetch", 10, 1),
    Peer("graphile-worker", "fetch", 1000, 500),
)
HEAD = f"{'answers after':>13} {'greetings':>9} {'scheduler':>10} {'first POST':>10} {'worker':>10}"
HEAD += f" {'a send':>9} {'total':>10} {'the seed':>9}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    """The receiver's process."""
    command = [sys.executable, "-m", "benchmarks.quick_receiver"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield Receiver(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def ours(folder: Path, receiver: Receiver) -> Iterator[Ours]:
    """The local system."""
    house = House(folder / "data", root=ROOT, furnished=False)
    try:
        house.up()
        yield Ours(house, receiver)
    finally:
        house.end()


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """The peers' PostgreSQL, with room for all their connections."""
    cluster = Cluster(folder / "peers", changes={"max_connections": "300"})
    cluster.launch()
    cluster.ready()
    try:
        yield cluster.dsn("postgres"), postmaster(cluster.folder)
    finally:
        cluster.stop()


def row(people: int, delay: float, rounds: list[Round]) -> None:
    """Print the medians of these rounds."""
    scheduler, first, worker, total = (
        1000 * statistics.median(figures)
        for figures in zip(
            *((one.scheduler, one.first, one.worker, one.recorded) for one in rounds), strict=True
        )
    )
    seed = f"{SEED[people]} s" if people in SEED else ""
    print(
        f"{delay:11.2f} s {people:9,} {scheduler:7.0f} ms {first:7.0f} ms {worker:7.0f} ms"
        f" {1000 * total / people:6.0f} us {total:7.0f} ms {seed:>9}",
        flush=True,
    )


def against(delay: float, mine: list[Round], theirs: dict[Peer, list[tuple[float, float, float]]]) -> None:
    """Print what each took for a thousand, beside ours and the floor."""
    best = statistics.median(one.recorded for one in mine)
    cpu = statistics.mean(one.cpu for one in mine)
    floor = f"   {100 * (best / delay - 1):.0f} % over the floor of {delay} s" if delay else ""
    print(f"{MANY:,} greetings, the receiver answers after {delay:.2f} s")
    print(f"{'lamppost':38} {best:8.3f} s{'':9} CPU {1e6 * cpu / MANY:5.0f} us a greeting{floor}")
    for peer, figures in theirs.items():
        if not figures:
            print(f"{peer.name:38} not run: at least {MANY / peer.concurrency * delay:.0f} s")
            continue
        _, seconds, burnt = (statistics.median(each) for each in zip(*figures, strict=True))
        print(
            f"{peer.name:38} {seconds:8.3f} s {seconds / best:6.1f} ×"
            f" CPU {1e6 * burnt / MANY:5.0f} us a greeting {burnt / cpu:6.1f} ×",
            flush=True,
        )


def measure(mine: Ours, rivals: list[Running], delay: float, rounds: int, sizes: tuple[int, ...]) -> None:
    """Every size, and a thousand against everyone, with a receiver that answers after `delay` seconds."""
    print(f"\n{HEAD}")
    for people in FEW:
        row(people, delay, [mine.greet(people, delay) for _ in range(rounds)])
    heads: list[Round] = []
    theirs: dict[Peer, list[tuple[float, float, float]]] = {rival.peer: [] for rival in rivals}
    for _ in range(1 if delay else rounds):
        for rival in rivals:
            # One more of ours for each of theirs: the machine's moods are shared.
            heads.append(mine.greet(MANY, delay))
            if delay < 1 or rival.peer.concurrency > 10:
                mine.receiver.answer_after(delay)
                theirs[rival.peer].append(rival.greet(MANY))
    row(MANY, delay, heads)
    for people in sizes:
        again = rounds if people <= LARGE[0] else 1
        if again > 1:
            # The first of this size starts workers; they are warm for the second.
            mine.greet(people, delay)
        row(people, delay, [mine.greet(people, delay) for _ in range(again)])
    against(delay, heads, theirs)


def stop(mine: Ours, people: int) -> None:
    """Show that a scheduler out of time leaves the rest to the next."""
    timeout = 16
    ticks = mine.stop_in_time(people, timeout)
    print(
        f"\n{people:,} are due, the scheduler's timeout is {timeout} s, and the server is made slow: a tick"
    )
    for claimed, seconds in ticks:
        print(f"claims {claimed:7,} and ends after {seconds:5.2f} s")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--million", action="store_true")
    options.add_argument("--quick", action="store_true")
    chosen = options.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = stack.enter_context(receiving())
        print(
            f"load {os.getloadavg()[0]:.1f};"
            f" the receiver answers {posts_a_second(receiver.port):,.0f} posts a second"
        )
        mine = stack.enter_context(ours(folder, receiver))
        place = stack.enter_context(server(folder))
        rivals = []
        for peer in PEERS:
            rivals.append(Running(peer, *place, receiver.url))
            stack.callback(rivals[-1].stop)
        for one in (*rivals, *rivals):
            one.greet(100)
        mine.greet(MANY, 0)
        for delay in DELAYS:
            measure(mine, rivals, delay, *((1, LARGE[:1]) if chosen.quick else (chosen.rounds, LARGE)))
        for rival in rivals:
            rival.stop()
        if chosen.million:
            row(1_000_000, 0.0, [mine.greet(1_000_000, 0)])
        stop(mine, 260_000)
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
