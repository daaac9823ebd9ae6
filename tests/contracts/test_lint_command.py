"""`lamppost migrate lint` as scripts use it: one object, an exit code, and no file that hides another."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Report
from lamppost.migrate.lint.report import words as words_of

BIN = Path(sys.executable).parent / "lamppost"
SAFE = "create table shop.things (id bigint primary key);\n"


def run(*words: str, folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [str(BIN), "migrate", "lint", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout or done.stderr


def lint(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code, out = run(".", "--json", *words, folder=folder)
    return code, json.loads(out)


def write(folder: Path, name: str, content: str | bytes) -> None:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def test_the_report_is_one_object_and_blocking_exits_with_one(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-01T0900__shop__a.sql", "-- why\ndrop table shop.old;\n")
    code, report = lint(tmp_path)
    assert code == 1
    assert set(report) == {"files", "findings", "verdict"}
    assert report["verdict"] == "block"
    [finding] = report["findings"]
    assert set(finding) == {"file", "line", "rule", "severity", "message", "instead"}
    assert (finding["line"], finding["rule"], finding["severity"]) == (2, "drop-object", "block")


def test_nothing_to_say_exits_with_zero(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-01T0900__shop__a.sql", SAFE)
    assert lint(tmp_path) == (
        0,
        {"files": ["2026-01-01T0900__shop__a.sql"], "findings": [], "verdict": "pass"},
    )


def test_a_loose_name_is_advice_and_in_a_services_folder_a_refusal(tmp_path: Path) -> None:
    write(tmp_path, "V1__init.sql", SAFE)
    code, report = lint(tmp_path)
    assert (code, report["verdict"]) == (0, "advise")
    place = tmp_path / "services" / "shop" / "migrations"
    place.mkdir(parents=True)
    write(place.parent, "service.py", "")
    write(place, "V2__init.sql", SAFE)
    assert lint(place)[0] == 1


HOSTILE = {
    "nul": b"select 1; \0 drop table shop.old;",
    "bom": b"\xef\xbb\xbfselect 1;",
    "latin-1": "comment on table shop.t is 'größe';".encode("latin-1"),
    "utf-16": "drop table shop.old;".encode("utf-16"),
    "lone carriage return": b"-- harmless\rdrop table shop.old;",
    "psql command": b"\\i other.sql\n",
    "copy data": b"copy shop.t from stdin;\n1\ta\n\\.\n",
    "nesting": b"select " + b"(" * 20_000 + b"1" + b")" * 20_000 + b";",
    "a long sum": b"select " + b"1+" * 20_000 + b"1;\ndrop table shop.old;",
    "open quote": b"select 'never closed;\ndrop table shop.old;",
    "conflict": b"<<<<<<< ours\nselect 1;\n=======\nselect 2;\n>>>>>>> theirs\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_and_hides_no_other(tmp_path: Path, kind: str) -> None:
    write(tmp_path, "2026-01-01T0900__shop__a.sql", HOSTILE[kind])
    write(tmp_path, "2026-01-01T0901__shop__b.sql", "truncate shop.things;")
    code, report = lint(tmp_path)
    assert code == 1
    assert {Path(f["file"]).stem[-1] for f in report["findings"] if f["severity"] == "block"} == {"a", "b"}


def test_a_file_of_six_megabytes_is_read_to_its_end(tmp_path: Path) -> None:
    rows = "insert into shop.kinds (code) values ('" + "x" * 1000 + "');\n"
    write(tmp_path, "2026-01-01T0900__shop__a.sql", rows * 6000 + "drop table shop.old;")
    _, report = lint(tmp_path)
    assert [(finding["rule"], finding["line"]) for finding in report["findings"]] == [("drop-object", 6001)]


def test_windows_line_ends_count_once(tmp_path: Path) -> None:
    write(
        tmp_path, "2026-01-01T0900__shop__a.sql", b"-- lamppost: phase expand\r\n\r\ndrop table shop.old;\r\n"
    )
    assert [finding["line"] for finding in lint(tmp_path)[1]["findings"]] == [3]


def test_one_bad_statement_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-01T0900__shop__a.sql", "drop table shop.old;\nselec 1;\ntruncate shop.things;\n")
    found = [(finding["line"], finding["rule"]) for finding in lint(tmp_path)[1]["findings"]]
    assert found == [(1, "drop-object"), (2, "unreadable-statement"), (3, "truncate")]


def test_an_allowance_needs_a_reason_and_something_to_allow(tmp_path: Path) -> None:
    name = "2026-01-01T0900__shop__a.sql"
    write(
        tmp_path,
        name,
        "-- lamppost: allow truncate, the table is empty until launch\ntruncate shop.things;\n",
    )
    assert lint(tmp_path)[0] == 0
    write(tmp_path, name, "-- lamppost: allow truncate\ntruncate shop.things;\n")
    assert {finding["rule"] for finding in lint(tmp_path)[1]["findings"]} == {"truncate", "unknown-directive"}
    write(tmp_path, name, "-- lamppost: allow truncate, no longer needed\n" + SAFE)
    code, report = lint(tmp_path)
    assert (code, [finding["rule"] for finding in report["findings"]]) == (0, ["unused-allowance"])


def test_many_files_are_shared_between_processes_and_reported_in_order(tmp_path: Path) -> None:
    for n in range(150):
        write(tmp_path, f"2026-01-01T{n // 60:02}{n % 60:02}__shop__n.sql", "truncate shop.things;")
    _, report = lint(tmp_path)
    assert [finding["file"] for finding in report["findings"]] == report["files"]


def test_sarif_names_file_line_and_rule(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "truncate shop.things;")
    sarif = json.loads(run(".", "--sarif", folder=tmp_path)[1])
    results = {result["ruleId"]: result for result in sarif["runs"][0]["results"]}
    assert sarif["version"] == "2.1.0"
    place = results["truncate"]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("a.sql", 1)
    assert results["truncate"]["level"] == "error"


def test_github_shows_each_finding_beside_its_line(tmp_path: Path) -> None:
    write(tmp_path, "2026-01-01T0900__shop__a.sql", "truncate shop.things;")
    _, out = run(".", "--github", folder=tmp_path)
    assert out.startswith("::error file=2026-01-01T0900__shop__a.sql,line=1,title=truncate::")
    assert out.splitlines()[-1] == "verdict block: 1 blocking in 1 file"


def test_a_name_in_a_file_gives_github_no_command_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "a,b:c%.sql", 'drop table shop."x\n::add-mask::y\r%";')
    _, out = run(".", "--github", folder=tmp_path)
    assert [line.partition(" ")[0] for line in out.splitlines()] == ["::warning", "::error", "verdict"]
    assert "file=a%2Cb%3Ac%25.sql,line=1" in out
    assert "x%0A::add-mask::y%0D%25" in out


@pytest.mark.parametrize("words", [["nowhere"], [".", "--pg", "new"], ["--no-such-option"], []])
def test_wrong_usage_exits_with_two(tmp_path: Path, words: list[str]) -> None:
    assert run(*words, folder=tmp_path)[0] == 2


def test_a_person_reads_once_that_another_tool_named_the_files(tmp_path: Path) -> None:
    findings = [
        Finding(
            file=f"{number}.sql",
            line=1,
            rule="file-name",
            severity="advise",
            message="not the name of a migration",
            instead="rename it",
        )
        for number in range(3)
    ]
    told = words_of(Report(files=["0.sql", "1.sql", "2.sql"], findings=findings, verdict="advise"))
    assert told.count("not the name") + told.count("Not the name") == 1
    assert "as in 2 more files" in told
    assert told.endswith("verdict advise: 3 advice in 3 files")
