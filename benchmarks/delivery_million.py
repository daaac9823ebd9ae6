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
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import claim
from tests.running import House

ROOT = Path(__file__).parent.parent
DUE = "2027-03-15T09:00:00Z"
LEFT = "select (select count(*) from birthday.chunks), (select count(*) from birthday.greetings)"


def tree(root: int) -> set[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, new = set(), [root]
    while new:
        found.add(pid := new.pop())
        new += children.get(pid, [])
    return found


def used(pids: set[int]) -> tuple[float, float]:
    """Their memory in MB, shared pages counted once, and their CPU seconds."""
    kilobytes, ticks = 0, 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        kilobytes += int(rollup.partition("Pss:")[2].split()[0])
        ticks += sum(int(each) for each in stat[11:15])
    return kilobytes / 1024, ticks / os.sysconf("SC_CLK_TCK")


class Watch:
    """The largest memory of the system while it works."""

    def __init__(self, house: House) -> None:
        self.house, self.most, self.stopped = house, 0.0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Look no more."""
        self.stopped.set()
        self.thread.join()

    def now(self) -> tuple[float, float]:
        """Memory and CPU of the runner's tree and PostgreSQL's."""
        runner = self.house.running["pid"]
        postmaster = int((self.house.data / "postgres/cluster/postmaster.pid").read_text().split()[0])
        return used(tree(runner) | tree(postmaster))

    def _look(self) -> None:
        while not self.stopped.wait(1):
            self.most = max(self.most, self.now()[0])


def heard(port: str) -> dict[str, Any]:
    """What the receiver counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        said: dict[str, Any] = json.load(answer)
    return said


def measure(house: House, port: str, people: int) -> None:
    """Fill, tick, wait."""
    house.run("params", "put", "/bday/webhook-url", f"http://127.0.0.1:{port}/hook")
    with house.database() as admin:
        admin.autocommit = True
        claim.fill(admin, people, DUE)
        admin.execute("checkpoint")
        watch = Watch(house)
        idle, cpu = watch.now()
        load = os.getloadavg()[0]
        began = time.time()
        ticking = threading.Thread(target=house.run, args=("clock", "set", DUE))
        ticking.start()
        claimed = wait(admin, began, people)
        seconds = time.time() - began
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
        print(f"CPU             {watch.now()[1] - cpu:7.1f} s of the system, the receiver's not counted")
        ticking.join()


def wait(admin: psycopg.Connection[Any], began: float, people: int) -> float:
    """Until every greeting is recorded; the seconds until the last chunk was there."""
    claimed = 0.0
    while True:
        (chunks, greetings) = admin.execute(LEFT).fetchall()[0]
        if chunks and not claimed:
            claimed = time.time() - began
        if greetings == people:
            return claimed
        time.sleep(0.1 if not claimed else 1.0)


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
            measure(house, port, chosen.people)
        finally:
            house.end()
            receiver.terminate()
            receiver.wait()


if __name__ == "__main__":
    main()
