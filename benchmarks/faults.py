"""What does each fault of the matrix cost? Kills, cuts and storms, row by row, before an independent auditor.

    python -m benchmarks.faults [--seed 7] [--short] [--only house]
    FAULT_REPORT=rows.jsonl make faults; python -m benchmarks.faults --read rows.jsonl

Plays `tests/faults/rows` at length, two files side by side, and says every few seconds where it is. Then a
table: a row of the matrix takes a line for each place the fault strikes at. Of `due` greetings those are
`lost` that have no end or were delivered to nobody; `repeated` POSTs all carry the first one's webhook-id,
and `most` were for one greeting; `effects` is the largest number of records for one. Recovery counts from the
end of the fault; where a worker died, from the end of its lease.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COLUMNS = ("row", "fault", "runs", "kills", "due", "lost", "repeated", "most", "effects")
RECOVERY = ("recovery_p50", "recovery_p95", "recovery_max")
KEPT = {"duplicates": "repeated", "most_per_key": "most", "effects_per_key": "effects"}
SUMMED = ("runs", "kills", "due", "lost", "repeated")


def play(seed: int, only: str, report: Path, *, long: bool) -> int:
    """Play the rows; pytest's exit code."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/faults/rows",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-k",
        only,
    ]
    return subprocess.run(
        [*command, "--no-loadscope-reorder", *(["--long"] if long else [])],
        env={**os.environ, "FAULT_SEED": str(seed), "FAULT_REPORT": str(report)},
        check=False,
    ).returncode


def read(report: Path) -> list[dict[str, Any]]:
    """The lines of a report, by the number of their row."""
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    found = [{KEPT.get(name, name): value for name, value in line.items()} for line in lines]
    return sorted(found, key=lambda line: int(line["row"].partition("-")[0]))


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = (*COLUMNS, "recovery p50 · p95 · max", "besides")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for line in found:
        values = [str(line[column]) for column in COLUMNS]
        recovery = " · ".join(line[name] for name in RECOVERY) if RECOVERY[0] in line else ""
        known = {*COLUMNS, *RECOVERY, "seed", "seconds"}
        besides = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in line.items() if k not in known)
        lines.append(f"| {' | '.join([*values, recovery, besides])} |")
    total = {column: sum(line[column] for line in found) for column in SUMMED}
    lines.append(f"| | all | {' | '.join(str(total[column]) for column in SUMMED)} | | | | |")
    return "\n".join(lines)


def main() -> None:
    """Play, or read what was played, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--short", action="store_true")
    arguments.add_argument("--only", default="test")
    arguments.add_argument("--read", type=Path)
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    code = 0
    with tempfile.TemporaryDirectory() as place:
        report = given.read or Path(place) / "rows.jsonl"
        if given.read is None:
            code = play(seed, given.only, report, long=not given.short)
        found = read(report)
    print(table(found))
    seeds = ", ".join(sorted({str(line["seed"]) for line in found}))
    print(f"\nseed {seeds}; load average {os.getloadavg()[0]:.1f}")
    sys.exit(code)


if __name__ == "__main__":
    main()
