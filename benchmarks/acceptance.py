"""Do the stacks stand and serve in an account that we did not write, time after time?

    make accept                                  # once, with a schedule's real minute
    python -m benchmarks.acceptance --runs 3 [--out benchmarks/results/acceptance.md]

Each run deploys three releases of the repository on a fresh ministack and drives what stands there
(`tests/acceptance`). Told are: how each test and each stack went, and what of the emulator's had to be stood
in for, which nobody has checked. Exits with 1 when a test failed in any run.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec


class Run(msgspec.Struct, frozen=True):
    """One run: seconds, CPU seconds of all its processes, load before it, each test's seconds and outcome."""

    took: float
    cpu: float
    load: float
    tests: dict[str, tuple[float, str]]
    told: dict[str, Any]

    @property
    def failed(self) -> list[str]:
        """The tests that did not pass."""
        return [name for name, (_, outcome) in self.tests.items() if outcome != "passed"]


def play(folder: Path) -> Run:
    """One run, told on the terminal as pytest tells it."""
    began, cpu, load = time.monotonic(), _cpu(), os.getloadavg()[0]
    outcomes, told = folder / "outcomes.xml", folder / "told.jsonl"
    subprocess.run(
        [sys.executable, "-m", "pytest", "tests/acceptance", "-v", f"--junitxml={outcomes}"],
        env={**os.environ, "ACCEPT_AT_LENGTH": "1", "ACCEPT_REPORT": str(told)},
        check=False,
    )
    found = dict(_tests(outcomes)) if outcomes.exists() else {"pytest itself": (0.0, "failed")}
    last = told.read_text().splitlines()[-1] if told.exists() else "{}"
    return Run(time.monotonic() - began, _cpu() - cpu, load, found, msgspec.json.decode(last))


def _tests(outcomes: Path) -> list[tuple[str, tuple[float, str]]]:
    cases = ElementTree.parse(outcomes).iter("testcase")
    return [
        (case.attrib["name"], (float(case.attrib["time"]), case[0].tag if len(case) else "passed"))
        for case in cases
    ]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page(runs: list[Run]) -> str:
    """Markdown: the runs, then the last one's tests, stacks, and stand-ins."""
    return "\n\n".join((_runs(runs), _sentences(runs), _stacks(runs[-1]), _stood_in(runs[-1])))


def _runs(runs: list[Run]) -> str:
    rows = [
        (
            n,
            len(run.tests) - len(run.failed),
            len(run.failed),
            f"{run.took:.0f}",
            f"{run.cpu:.0f}",
            f"{run.load:.1f}",
        )
        for n, run in enumerate(runs, 1)
    ]
    return _table(("run", "passed", "failed", "seconds", "CPU seconds", "load before"), rows)


def _sentences(runs: list[Run]) -> str:
    rows = [
        (
            name.removeprefix("test_").replace("_", " "),
            *(f"{run.tests[name][1]}, {run.tests[name][0]:.1f} s" for run in runs),
        )
        for name in runs[-1].tests
        if all(name in run.tests for run in runs)
    ]
    return _table(("what was seen", *(f"run {n}" for n in range(1, len(runs) + 1))), rows)


def _stacks(run: Run) -> str:
    return _table(("stack, as it went in", "status", "seconds"), run.told.get("stacks", []))


def _stood_in(run: Run) -> str:
    kinds = Counter(_kind(note) for note in run.told.get("notes", ())[1:])
    return _table(("what stood in", "times"), kinds.most_common())


def _kind(note: dict[str, Any]) -> str:
    return str(note.get("lacks") or f"{note['type']}: taken note of")


def _table(heads: tuple[str, ...], rows: Any) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


def main() -> int:
    """Play, and write the page where it is wanted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a Markdown file; what stands above its first table stays")
    given = parser.parse_args()
    runs = []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(play(Path(folder)))
    told = page(runs)
    print(f"\n{told}")
    if given.out is not None:
        above = given.out.read_text().partition("\n| ")[0].rstrip() if given.out.exists() else ""
        given.out.write_text(f"{above or datetime.now(UTC).date()}\n\n{told}\n")
    return int(any(run.failed for run in runs))


if __name__ == "__main__":
    sys.exit(main())
