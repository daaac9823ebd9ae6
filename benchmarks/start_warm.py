"""How long until a warm `lamppost up` has served a request that queried PostgreSQL?

    python benchmarks/start_warm.py [--rounds 10]

Starts the system on a data folder that has been used before, asks BarkBase's sibling, the birthday
API, for a person who is not there (one query), and stops it. The peer is the floor of the parts:
a bare `python -c pass`, PostgreSQL's own start, and the import of psycopg, measured in the same run.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAMPPOST = Path(sys.executable).parent / "lamppost"
NOBODY = "00000000-0000-4000-8000-000000000000"


def start(data: Path) -> tuple[float, float, subprocess.Popen[bytes], dict[str, object]]:
    begun = time.perf_counter()
    process = subprocess.Popen(
        [LAMPPOST, "up", "--json", "--port", "0", "--aws-port", "0", "--data", data],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    assert process.stdout
    running = json.loads(process.stdout.readline())
    ready = time.perf_counter() - begun
    status = 200
    try:
        urllib.request.urlopen(f"{running['apis']['birthday']}/user/{NOBODY}")
    except urllib.error.HTTPError as answer:
        status = answer.code
    assert status == 404, status
    return ready, time.perf_counter() - begun, process, running


def stop(process: subprocess.Popen[bytes]) -> float:
    begun = time.perf_counter()
    process.send_signal(signal.SIGINT)
    process.wait(30)
    return time.perf_counter() - begun


def pss_mb(pid: int) -> tuple[float, int]:
    """Proportional memory of the whole tree below `pid`, in MB, and its processes."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    tree, queue = [], [pid]
    while queue:
        current = queue.pop()
        tree.append(current)
        queue += children.get(current, [])
    kilobytes = 0
    for member in tree:
        try:
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
        except OSError:
            continue
    return kilobytes / 1024, len(tree)


def floor() -> dict[str, float]:
    parts = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import psycopg": [sys.executable, "-c", "import psycopg"],
    }
    times = {}
    for name, command in parts.items():
        rounds = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run(command, check=True)
            rounds.append(time.perf_counter() - begun)
        times[name] = statistics.median(rounds)
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        ready, served, process, _ = start(data)
        print(f"first run on an empty data folder: ready {ready:.3f} s, served {served:.3f} s")
        stop(process)
        readies, serveds, stops = [], [], []
        for _ in range(rounds):
            ready, served, process, _running = start(data)
            readies.append(ready)
            serveds.append(served)
            if _ == rounds - 1:
                time.sleep(3)
                memory, count = pss_mb(process.pid)
                print(f"idle memory of the tree: {memory:.0f} MB PSS in {count} processes")
            stops.append(stop(process))
    for name, times in (("ready: ", readies), ("served:", serveds)):
        median = statistics.median(times)
        print(f"warm, {name} median {median:.3f} s  (min {min(times):.3f}, max {max(times):.3f})")
    print(f"stop:         median {statistics.median(stops):.3f} s")
    for name, seconds in floor().items():
        print(f"floor, {name}: {seconds:.3f} s")
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
