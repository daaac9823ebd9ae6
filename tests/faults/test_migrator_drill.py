"""A thousand stacks' lives, at random: deploys, failures, rollbacks, kills and twins. No wrong state."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.running import ROOT

PLAYS = int(os.environ.get("LAMPPOST_DRILLS", "1000"))


def play(server: str, seed: int) -> "subprocess.Popen[bytes]":
    options = ["--count", str(PLAYS // 2), "--seed", str(seed), "--database", f"drill{seed}"]
    command = [sys.executable, "-m", "tests.faults.migrator_drill", server, *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_a_thousand_random_lives_of_a_stack_leave_no_wrong_state(postgres_cluster: Any) -> None:
    """Run it longer with LAMPPOST_DRILLS=20000; each wrong state names the seed that plays it again."""
    server = postgres_cluster.dsn("postgres")
    halves = [play(server, seed) for seed in (1, 1_000_001)]
    told = [json.loads(half.communicate()[0]) for half in halves]
    assert [one["wrong"] for one in told] == [[], []]
    assert sum(one["plays"] for one in told) == PLAYS // 2 * 2
    assert all(one[what] > 0 for one in told for what in ("kills", "twins", "failures"))
