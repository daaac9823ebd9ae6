"""The short form and the long one: what runs, with which seed, and what the end of the run says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT

PLAYED = """
from tests.forms import Form

def test_played(form: Form) -> None:
    form.keep(times=form.count(short=3, long=3_000), first_throw=form.dice(7).random())

def test_of_one_form_only() -> None:
    pass

def test_lost(form: Form) -> None:
    assert form.seed == 0
"""


@pytest.fixture
def play(tmp_path: Path):
    (tmp_path / "test_played.py").write_text(PLAYED)

    def run(*words: str, seed: str = "") -> str:
        command = [sys.executable, "-m", "pytest", "-p", "tests.forms", "-p", "no:cacheprovider", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "FAULT_SEED": seed}
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
        )
        return done.stdout + done.stderr

    return run


def throw(said: str) -> str:
    """The line with what was kept."""
    return next(line for line in said.splitlines() if line.startswith("test_played: "))


def test_the_suite_plays_everything_short_and_the_same_every_time(play):
    said = play()
    assert "short form, FAULT_SEED=1" in said
    assert "test_played: times 3, first throw 0." in said
    assert "1 failed, 2 passed" in said
    assert throw(said) == throw(play("-n", "2"))


def test_at_length_only_what_has_a_length_is_played_and_its_fresh_seed_plays_it_again(play):
    said = play("--long")
    assert "times 3000" in said
    assert "1 failed, 1 passed, 1 deselected" in said
    (seed,) = set(re.findall(r"long form, FAULT_SEED=(\d+)", said))
    assert f"FAULT_SEED={seed} plays it again" in said
    assert throw(said) == throw(play("--long", seed=seed))


def test_a_seed_is_a_number(play):
    assert "FAULT_SEED is a whole number, not 'tuesday'" in play(seed="tuesday")
