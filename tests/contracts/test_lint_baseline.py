"""`--baseline`: what was there before may pass, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent / "lamppost"
NAME = "2026-01-01T0900__shop__a.sql"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN), "migrate", "lint", *words], cwd=folder, capture_output=True, text=True, check=False
    )


def rules(folder: Path, *words: str) -> list[tuple[str, str, int]]:
    report: dict[str, Any] = json.loads(run(folder, *words, "--json").stdout)
    return [(finding["rule"], finding["severity"], finding["line"]) for finding in report["findings"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "files"
    place.mkdir()
    (place / NAME).write_text("-- why\ntruncate shop.things;\ndrop table shop.old;\n")
    assert run(tmp_path, "files", "--write-baseline", "baseline.json").returncode == 0
    return tmp_path


def test_what_is_recorded_passes(folder: Path) -> None:
    assert run(folder, "files").returncode == 1
    done = run(folder, "files", "--baseline", "baseline.json")
    assert (done.returncode, json.loads(done.stdout)["findings"]) == (0, [])


def test_what_is_new_does_not(folder: Path) -> None:
    (folder / "files" / NAME).write_text(
        "truncate shop.things;\ndrop table shop.old;\ndrop table shop.new;\n"
    )
    assert rules(folder, "files", "--baseline", "baseline.json") == [("drop-object", "block", 3)]


def test_lines_comments_and_spaces_may_change(folder: Path) -> None:
    text = "-- more\n\n\n-- words\ntruncate\n   shop.things;\n/* here */ drop table shop.old;\n"
    (folder / "files" / NAME).write_text(text)
    assert rules(folder, "files", "--baseline", "baseline.json") == []


def test_one_record_lets_one_finding_pass(folder: Path) -> None:
    (folder / "files" / NAME).write_text(
        "truncate shop.things;\ntruncate shop.things;\ndrop table shop.old;\n"
    )
    assert rules(folder, "files", "--baseline", "baseline.json") == [("truncate", "block", 2)]


def test_another_file_with_the_same_statement_does_not_pass(folder: Path) -> None:
    (folder / "files" / "2025-01-02T0900__shop__b.sql").write_text("truncate shop.things;\n")
    done = run(folder, "files", "--baseline", "baseline.json")
    [finding] = json.loads(done.stdout)["findings"]
    assert (finding["file"], finding["rule"]) == ("files/2025-01-02T0900__shop__b.sql", "truncate")


@pytest.mark.parametrize("how", ["mended", "deleted"])
def test_a_record_that_fits_nothing_any_more_is_advice_on_its_line(folder: Path, how: str) -> None:
    if how == "mended":
        (folder / "files" / NAME).write_text("drop table shop.old;\n")
    else:
        (folder / "files" / NAME).unlink()
    found = rules(folder, "files", "--baseline", "baseline.json")
    assert {rule for rule, _, _ in found} == {"stale-baseline"}
    lines = (folder / "baseline.json").read_text().splitlines()
    assert '"truncate"' in lines[found[-1][2] - 1]


def test_a_run_over_other_files_calls_nothing_stale(folder: Path) -> None:
    other = folder / "others"
    other.mkdir()
    (other / "2026-01-02T0900__shop__b.sql").write_text("create table shop.b (id bigint primary key);\n")
    assert rules(folder, "others", "--baseline", "baseline.json") == []


def test_it_means_the_same_from_every_folder(folder: Path) -> None:
    assert rules(folder / "files", ".", "--baseline", "../baseline.json") == []


def test_it_reads_well_and_never_changes_by_itself(folder: Path) -> None:
    text = (folder / "baseline.json").read_text()
    assert run(folder, "files", "--write-baseline", "baseline.json").returncode == 0
    assert (folder / "baseline.json").read_text() == text
    recorded = json.loads(text)["findings"]
    assert [(one["file"], one["rule"], one["statement"]) for one in recorded] == [
        (f"files/{NAME}", "drop-object", "drop table shop.old"),
        (f"files/{NAME}", "truncate", "truncate shop.things"),
    ]
    assert len(text.splitlines()) == len(recorded) + 5


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"findings": [{"file": 1}]}'])
def test_a_baseline_that_is_none_is_refused(folder: Path, content: str | None) -> None:
    if content is not None:
        (folder / "none.json").write_text(content)
    done = run(folder, "files", "--baseline", "none.json")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "lint_baseline")


def test_it_cannot_be_written_everywhere(folder: Path) -> None:
    done = run(folder, "files", "--write-baseline", "nowhere/baseline.json")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "lint_baseline")


@pytest.mark.parametrize("with_", ["--changed", "--baseline=baseline.json"])
def test_it_is_not_written_from_a_part(folder: Path, with_: str) -> None:
    assert run(folder, "files", "--write-baseline", "baseline.json", with_).returncode == 2
