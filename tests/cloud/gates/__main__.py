"""`make gates`: every gate over every stage, every mistake past every gate, and the report that is kept.

`python -m tests.cloud.gates --write` only keeps the stages' stateful resources as they are now.
"""

import resource
import sys
import tempfile
from pathlib import Path

from tests.cloud.conftest import SHOPS, STAGES, Synthesised, synthesise
from tests.cloud.gates import report, snapshot
from tests.running import ROOT

RESULT = ROOT / "benchmarks" / "results" / "gates.md"


def cpu() -> float:
    """Seconds of CPU that this process and its children have had."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(arguments: list[str]) -> int:
    """Exit code 1 when a gate is shut."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        began = cpu()
        synthesise(ROOT, folder / "stages", *STAGES, nag=True)
        made = Synthesised(folder / "stages")
        if "--write" in arguments:
            snapshot.write(made.stacks)
            return 0
        rules = report.rules(made)
        seconds = cpu() - began
        synthesise(ROOT / "tests" / "data" / "stacks", folder / "shop", *SHOPS, nag=True)
        gates = [rules, *(report.tool(name, made, folder) for name in report.TOOLS)]
        sights = report.sights(made, folder)
    RESULT.write_text(report.page(made, gates, sights, seconds))
    sys.stdout.write(RESULT.read_text())
    return 1 if any(gate.shut for gate in gates) or not all(sights.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
