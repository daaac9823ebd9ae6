"""Hundreds of stacks' lives, at random: deploys, failures, rollbacks, kills and twins. No wrong state."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.forms import Form
from tests.running import ROOT


def play(server: str, lives: int, seed: int) -> "subprocess.Popen[bytes]":
    options = ["--count", str(lives), "--seed", str(seed), "--database", f"drill{seed}"]
    command = [sys.executable, "-m", "tests.faults.migrator_drill", server, *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_random_lives_of_a_stack_leave_no_wrong_state(postgres_cluster: Any, form: Form) -> None:
    """Each wrong state names the seed that plays it again."""
    server = postgres_cluster.dsn("postgres")
    lives = form.count(short=60, long=1_000)
    halves = [play(server, lives, seed) for seed in (form.seed, form.seed + 1_000_001)]
    told = [json.loads(half.communicate()[0]) for half in halves]
    assert [one["wrong"] for one in told] == [[], []]
    assert [one["plays"] for one in told] == [lives, lives]
    assert all(one[what] > 0 for one in told for what in ("kills", "twins", "failures"))
    form.keep(
        **{
            what: sum(one[what] for one in told) for what in ("plays", "events", "kills", "twins", "failures")
        },
        wrong=0,
    )
