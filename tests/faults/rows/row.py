"""The figures of one row of the matrix: how often, what was lost, what came twice, how long recovery took."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.rows.ground import Ground
from tests.forms import Form

# A long run says where it is, at most this often.
PROGRESS_SECONDS = 5.0
# Where benchmarks/faults.py wants each row's figures, one JSON object a line.
REPORT = "FAULT_REPORT"


class Row:
    """Counts what happens in one row, and checks at its end what must hold in every row."""

    def __init__(self, number: str, name: str, form: Form, request: pytest.FixtureRequest) -> None:
        self.number, self.name, self.form = number, name, form
        self.runs = self.kills = 0
        self.recoveries: list[float] = []
        self.more: dict[str, Any] = {}
        self._found: list[dict[str, Any]] = []
        self._capture = request.config.pluginmanager.getplugin("capturemanager")
        self._told = time.monotonic()

    def ran(self, *, kills: int = 0, recovery: float | None = None) -> None:
        """One run is over."""
        self.runs += 1
        self.kills += kills
        if recovery is not None:
            self.recoveries.append(recovery)
        if self.form.long and time.monotonic() - self._told > PROGRESS_SECONDS:
            self._told = time.monotonic()
            self.tell(f"{self.runs} runs, {self.kills} kills")

    def tell(self, text: str) -> None:
        """Say something to whoever watches."""
        with self._capture.global_and_fixture_disabled():
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} row {self.number} {self.name}: {text}\n")
            sys.stderr.flush()

    def audit(self, ground: Ground) -> dict[str, Any]:
        """Ask the auditor, and keep what it says. Nothing is lost, and no story differs."""
        found = ground.audit()
        self.judge(found)
        return found

    def judge(self, found: dict[str, Any]) -> None:
        """Keep an audit's figures."""
        self._found.append(found)
        assert not found["lost"], found["lost"][:5]
        assert not found["wrong"], found["wrong"][:5]
        assert found["ids_per_key"] <= 1
        assert found["effects"] == 1

    def figures(self) -> dict[str, Any]:
        """What is reported of this row."""

        def total(name: str) -> int:
            return sum(int(each[name]) for each in self._found)

        told = {
            "row": self.number,
            "fault": self.name,
            "runs": self.runs,
            "kills": self.kills,
            "due": total("due"),
            "lost": sum(len(each["lost"]) for each in self._found),
            "duplicates": total("duplicates"),
            "most_per_key": max((each["most"] for each in self._found), default=0),
            "effects_per_key": max((each["effects"] for each in self._found), default=0),
        }
        if self.recoveries:
            ranked = sorted(self.recoveries)
            told["recovery_p50"] = f"{ranked[len(ranked) // 2]:.3f} s"
            told["recovery_p95"] = f"{ranked[int(len(ranked) * 0.95)]:.3f} s"
            told["recovery_max"] = f"{ranked[-1]:.3f} s"
        return {**told, **self.more}


@contextmanager
def played(number: str, name: str, form: Form, request: pytest.FixtureRequest) -> Iterator[Row]:
    """A row: its figures are kept when it ends well."""
    row = Row(number, name, form, request)
    begun = time.monotonic()
    yield row
    told = {**row.figures(), "seconds": f"{time.monotonic() - begun:.0f}"}
    form.keep(**told)
    if form.long:
        row.tell("done")
    if report := os.environ.get(REPORT):
        with Path(report).open("a") as file:
            file.write(json.dumps({**told, "seed": form.seed}) + "\n")
