"""Everyone at the same nine o'clock: how long until the last greeting is recorded, on the whole local system?

    .venv/bin/python -m benchmarks.delivery_million [--people 1000000]

`lamppost up` with real sandboxes on a data folder of its own (fsync on), a receiver in a process of its own
that answers at once, and one schedule tick at nine. Prints seconds from the tick to the first POST, to the
claim and to the last recorded greeting; repeated POSTs; and the tree's memory at its largest (PSS).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import claim, processes
from tests.running import House

ROOT = Path(__file__).parent.parent
DUE = "2027-03-15T09:00:00Z"
LEFT = "select count(*) from birthday.chunks"
RECORDED = "select count(*) from birthday.greetings"


class Watch:
    """The largest memory of the system while it works."""

    def __init__(self, house: House) -> None:
        self.runner = int(house.running["pid"])
        self.postmaster = int((house.data / "postgres/cluster/postmaster.pid").read_text().split()[0])
        self.most, self.stopped = 0.0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Look no more."""
        self.stopped.set()
        self.thread.join()

    def now(self) -> float:
        """Memory of the runner's tree and PostgreSQL's, in MB."""
        return processes.memory(processes.tree(self.runner) | processes.tree(self.postmaster))

    def cpu(self) -> Counter[str]:
        """CPU seconds so far, by part."""
        return processes.by_part(self.runner, self.postmaster)

    def _look(self) -> None:
        # A look takes as long as forty greetings: rarely, so that it is not what is measured.
        while not self.stopped.wait(5):
            self.most = max(self.most, self.now())


def heard(port: str) -> dict[str, Any]:
    """What the receiver counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        said: dict[str, Any] = json.load(answer)
    return said


def measure(house: House, port: str, receiver: int, people: int) -> None:
    """Fill, tick, wait."""
    house.run("params", "put", "/bday/webhook-url", f"http://127.0.0.1:{port}/hook")
    with house.database() as admin:
        admin.autocommit = True
        claim.fill(admin, people, DUE)
        admin.execute("checkpoint")
        watch = Watch(house)
        idle, before, heard_before = watch.now(), watch.cpu(), processes.seconds({receiver})
        load = os.getloadavg()[0]
        began = time.time()
        ticking = threading.Thread(target=house.run, args=("clock", "set", DUE))
        ticking.start()
        claimed = wait(admin, began, people)
        seconds = time.time() - began
        used = watch.cpu() - before
        used["the receiver"] = processes.seconds({receiver}) - heard_before
        watch.stop()
        said = heard(port)
        print(f"{people:,} people, load of the machine at the start {load:.1f}")
        print(f"first POST      {said['first'] - began:7.2f} s")
        print(f"all claimed     {claimed:7.2f} s")
        print(f"all recorded    {seconds:7.2f} s   {people / seconds:,.0f} a second")
        print(f"repeated POSTs  {said['posts'] - people:7d}")
        print(
            f"memory          {idle:7.0f} MB idle, {watch.most:.0f} MB at most, PostgreSQL and sandboxes too"
        )
        print(f"CPU             {used.total():7.1f} s, {used.total() / people * 1e6:.1f} µs a greeting")
        for part, spent in used.most_common():
            print(f"  {part:30} {spent:7.1f} s")
        ticking.join()


def wait(admin: psycopg.Connection[Any], began: float, people: int) -> float:
    """Until every greeting is recorded; the seconds until the chunks were there."""
    claimed = 0.0
    while True:
        (chunks,) = admin.execute(LEFT).fetchall()[0]
        if chunks and not claimed:
            claimed = time.time() - began
        # Counting greetings is work as well: only when no chunk is left.
        if claimed and not chunks and admin.execute(RECORDED).fetchall()[0] == (people,):
            return claimed
        time.sleep(0.1)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--people", type=int, default=1_000_000)
    chosen = options.parse_args()
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.quick_receiver", "--serve"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder) / "data", root=ROOT, furnished=False)
        try:
            assert receiver.stdout is not None
            port = receiver.stdout.readline().strip()
            house.up()
            measure(house, port, receiver.pid, chosen.people)
        finally:
            house.end()
            receiver.terminate()
            receiver.wait()


if __name__ == "__main__":
    main()
