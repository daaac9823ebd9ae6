"""How long does it take back from each accident, and what is lost? Beside what the seeds promise.

    python -m benchmarks.recovery [--rounds 3] [--people 2000]

Plays what docs/guides/recover.md tells on a whole local system: PostgreSQL with `pg_basebackup` for RDS's
snapshots and `pg_receivewal` for its log, the AWS port for Secrets Manager and Lambda, an auditor for the
webhook. Each drill ends with a request that was served out of the database. Drills that greet do so for
`--people` in each of two or three hours.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.faults import renewing, restoring
from tests.faults.scene import Drill, Scene

HEADS = ("accident", "the seed promises", "here, median", "at most", "besides")


def drills(scene: Scene, people: int, place: Path) -> list[Callable[[], Drill]]:
    """All of them, ready to be played; each leaves the system as the next one wants it."""
    return [
        lambda: restoring.snapshot(scene, people),
        lambda: restoring.to_a_second(scene, people),
        lambda: restoring.in_the_middle(scene, 3 * people),
        lambda: restoring.one_database(scene, people),
        lambda: renewing.older_password(scene),
        lambda: renewing.older_code(Path(tempfile.mkdtemp(dir=place))),
        lambda: renewing.deleted_functions(scene),
        lambda: renewing.deleted_secret(scene),
        lambda: renewing.new_password(scene),
        lambda: renewing.new_signing_key(scene, people),
    ]


def row(rounds: list[Drill]) -> tuple[str, ...]:
    """A line of the table. What is counted besides is of the last round."""
    took = [one.seconds for one in rounds]
    last = rounds[-1]
    besides = ", ".join(f"{name} {value}" for name, value in last.besides.items())
    return (
        last.accident,
        last.promised,
        f"{statistics.median(took):.1f} s",
        f"{max(took):.1f} s",
        besides,
    )


def main() -> None:
    """Play, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--people", type=int, default=2000)
    given = arguments.parse_args()
    print(f"| {' | '.join(HEADS)} |\n{'|---' * len(HEADS)}|")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        scene = Scene(Path(folder) / "scene")
        try:
            for drill in drills(scene, given.people, Path(folder)):
                print(f"| {' | '.join(row([drill() for _ in range(given.rounds)]))} |", flush=True)
        finally:
            scene.close()
    print(f"\n{given.rounds} rounds of 3 × {given.people} greetings; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
