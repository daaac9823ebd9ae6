"""How long from saving a file until the new code answers?

    python benchmarks/reload.py [--rounds 10]

A small service in a temporary repository is edited while it runs, and asked until it answers what
the edit says. The floor beside it, in the same run: the request alone.
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
import urllib.request
from pathlib import Path

SERVICE = """
from lamppost import Function, Route, Service
from services.shop import api

service = Service(name="shop", functions=(Function(name="api", routes=(Route("GET /colour", api.colour),)),))
"""
HANDLER = "def colour() -> str:\n    return {colour!r}\n"


def ask(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        said: str = json.loads(answer.read())
    return said


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "repository"
        folder = root / "services" / "shop"
        folder.mkdir(parents=True)
        (root / "services" / "__init__.py").touch()
        (folder / "service.py").write_text(SERVICE)
        (folder / "api.py").write_text(HANDLER.format(colour="grey"))
        command = [
            str(Path(sys.executable).parent / "lamppost"),
            "up",
            "--json",
            "--port",
            "0",
            "--aws-port",
            "0",
        ]
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert process.stdout
            url = json.loads(process.stdout.readline())["apis"]["shop"] + "/colour"
            floor, edits = [], []
            for number in range(rounds):
                begun = time.perf_counter()
                ask(url)
                floor.append(time.perf_counter() - begun)
                colour = f"colour {number}"
                (folder / "api.py").write_text(HANDLER.format(colour=colour))
                begun = time.perf_counter()
                while ask(url) != colour:
                    time.sleep(0.005)
                edits.append(time.perf_counter() - begun)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(40)
    middle, least, most = statistics.median(edits), min(edits), max(edits)
    print(f"saved to answered: median {middle:.3f} s  (min {least:.3f}, max {most:.3f})")
    print(f"the request alone: median {statistics.median(floor) * 1000:.1f} ms")
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
