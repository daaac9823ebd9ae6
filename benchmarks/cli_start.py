"""How long does a person wait for `lamppost --help`?

    python benchmarks/cli_start.py [--rounds 15]

The promise is 150 ms. The floor in the same run is the interpreter itself (`python -c pass`); the
peer, where it is installed, is `aws --version` of AWS CLI v2. Rounds take turns, so that a busy
moment of the machine hits all alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def commands() -> dict[str, list[str]]:
    lamppost = str(Path(sys.executable).parent / "lamppost")
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "lamppost --help": [lamppost, "--help"],
        "lamppost up --help": [lamppost, "up", "--help"],
        "lamppost status (nothing runs)": [lamppost, "status", "--data", "/nowhere"],
    }
    from tests.contracts import aws_cli

    if aws_cli.installed():
        found["aws --version"] = [str(aws_cli.program()), "--version"]
    return found


def measure(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    asked = commands()
    for command in asked.values():
        measure(command)
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, command in asked.items():
            times[name].append(measure(command))
    for name, found in times.items():
        spread = f"(min {min(found):.0f}, max {max(found):.0f})"
        print(f"{name:<32} median {statistics.median(found):6.0f} ms  {spread}")
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
