"""The linter's corpus: migrations of our own with a verdict each, and how one becomes a file."""

import json
from pathlib import Path
from typing import Any

from lamppost.migrate.lint.facts import Before
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options

DATA = Path(__file__).parent / "data"
SCHEMA = DATA / "lint_cases_schema.sql"
Case = dict[str, Any]


def corpus() -> list[Case]:
    """Objects of name, category, sql, unsafe, why; perhaps pg, txn, service, prior, needs, felt."""
    cases: list[Case] = json.loads((DATA / "lint_cases.json").read_text("utf-8"))
    return cases


def needs_catalog(case: Case) -> bool:
    """Whether the files alone cannot decide it."""
    return case.get("needs") == "catalog"


def blocking(case: Case, folder: Path, live: Before | None = None) -> list[Finding]:
    """What blocks the case, written as a file into `folder`, with its earlier file beside it."""
    service = case.get("service", "shop")
    said = "-- lamppost: no-transaction\n" if case.get("txn") == "none" else ""
    path = folder / f"2026-01-02T0900__{service}__case.sql"
    path.write_text(said + case["sql"] + "\n", "utf-8")
    if case.get("prior"):
        (folder / f"2026-01-01T0900__{service}__before.sql").write_text(case["prior"] + "\n", "utf-8")
    options = Options(service=service, pg=case.get("pg", "15"))
    return [finding for finding in lint_file(path, options, live) if finding.severity == "block"]
