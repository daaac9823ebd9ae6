"""No group of the hostile inputs is there for show."""

import re
from pathlib import Path

from tests.bad_inputs import CASES

USED = re.compile(r'^@cases\("([a-z]+)"', re.MULTILINE)
# What they are, and what is not among them and why.
ABOUT = {"about", "left"}


def test_every_group_of_hostile_inputs_is_thrown_at_something() -> None:
    tests = Path(__file__).parents[1]
    thrown = {group for path in tests.rglob("test_*.py") for group in USED.findall(path.read_text())}
    assert set(CASES) - ABOUT == thrown


def test_every_hostile_input_says_what_must_come_of_it() -> None:
    told = ("status", "ok", "kept", "code", "due")
    silent = [
        (group, case)
        for group in set(CASES) - ABOUT
        for case in CASES[group]
        if not any(word in case for word in told) and group not in ("zones", "dates", "names")
    ]
    assert silent == []
