"""Tests that play at random have two forms: a short one in the suite, and a long one by `make faults`.

    def test_nothing_is_lost_however_often_it_is_killed(form: Form) -> None:
        for number in range(form.count(short=60, long=2_000)):
            dice = form.dice(number)
            ...
        form.keep(kills=kills, lost=0, recovery_p95=f"{p95:.2f} s")

`--long` runs the tests that ask for `form`, and no others, at length. FAULT_SEED chooses the seed: without it
the suite takes 1, so that it does the same every time, and a long run throws a fresh one. The end of the run
says the seed and what each test kept; a failure says how to play it again.
"""

import os
import random
import secrets

import pytest

SEED = "FAULT_SEED"
_LONG = "--long"
_KEPT = "form"


class Form:
    """What one test knows of the run: `long`, the `seed`, and how to tell what came out."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.long: bool = request.config.getoption(_LONG)
        self.seed = int(os.environ[SEED])
        self._node = request.node
        self._node.add_report_section("setup", "seed", f"{SEED}={self.seed} plays it again")

    def count(self, *, short: int, long: int) -> int:
        """How many times, in this form."""
        return long if self.long else short

    def dice(self, number: int = 0) -> random.Random:
        """Chance for the `number`-th play: the same for the same seed, whatever was played before it."""
        return random.Random(f"{self.seed} {number}")

    def keep(self, **figures: object) -> None:
        """Figures for the end of the run: how often, what was lost, how long recovery took."""
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
        self._node.user_properties.append((_KEPT, told))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the long form."""
    parser.addoption(
        _LONG, action="store_true", help=f"run the tests that have a long form at length; {SEED}=n plays n"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before workers start: they inherit it."""
    seed = os.environ.get(SEED) or (str(secrets.randbelow(1_000_000)) if config.getoption(_LONG) else "1")
    if not seed.isdecimal():
        raise pytest.UsageError(f"{SEED} is a whole number, not {seed!r}")
    os.environ[SEED] = seed


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """At length only what has a length; and files with slow tests first, so that no worker ends alone."""
    if config.getoption(_LONG):
        short = [item for item in items if not _has_forms(item)]
        config.hook.pytest_deselected(items=short)
        items[:] = [item for item in items if _has_forms(item)]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say the seed, and what the tests kept."""
    kept = [
        f"{report.nodeid.rpartition('::')[2]}: {told}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, told in report.user_properties
        if name == _KEPT
    ]
    if kept:
        terminalreporter.section(
            f"{'long' if config.getoption(_LONG) else 'short'} form, {SEED}={os.environ[SEED]}"
        )
        for line in kept:
            terminalreporter.line(line)


def _has_forms(item: pytest.Item) -> bool:
    return "form" in getattr(item, "fixturenames", ())


@pytest.fixture
def form(request: pytest.FixtureRequest) -> Form:
    """The short form or the long one, and its seed."""
    return Form(request)
