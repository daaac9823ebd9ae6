"""Files nobody should write, and mistakes of our own: none hides another's findings, none hangs."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lamppost.migrate.lint import file as linting
from lamppost.migrate.lint import processes
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.model import Found, Truncate
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.rules import Rule
from lamppost.migrate.lint.run import lint
from lamppost.migrate.lint.translate import Translator

BIN = Path(sys.executable).parent / "lamppost"
NOBODY = 65534
BESIDE = "2026-01-01T0901__shop__beside.sql"
# What a file of six megabytes may take, and a folder of a few: seconds of CPU, bytes.
SECONDS, MEMORY = 20, 4_000_000_000


def bounded() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def found(folder: Path, *words: str) -> dict[str, list[dict[str, Any]]]:
    """The findings of a run over `folder`, within bounds, by file."""
    done = subprocess.run(
        [str(BIN), "migrate", "lint", *(words or (".",)), "--json", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        preexec_fn=bounded,
    )
    report = json.loads(done.stdout or f'{{"findings": [], "stderr": {json.dumps(done.stderr)}}}')
    assert "stderr" not in report, report["stderr"]
    by_file: dict[str, list[dict[str, Any]]] = {}
    for finding in report["findings"]:
        by_file.setdefault(finding["file"], []).append(finding)
    return by_file


def write(folder: Path, content: bytes) -> str:
    name = "2026-01-01T0900__shop__hostile.sql"
    (folder / name).write_bytes(content)
    (folder / BESIDE).write_text("truncate shop.things;\n")
    return name


LARGE = {
    "six megabytes of one statement": b"select '" + b"x" * 6_000_000 + b"';",
    "a line of one megabyte": b"insert into shop.t values " + b",".join([b"(1,'a')"] * 140_000) + b";",
    "a hundred thousand statements": b"select 1;\n" * 100_000,
    "a hundred thousand drops": b"drop view shop.v;\n" * 100_000,
    "a hundred thousand columns made and checked": b"".join(
        b"alter table shop.t add constraint c%d check (a is not null) not valid;\n" % n for n in range(20_000)
    ),
    "twenty thousand statements and a mistake": b"select 1;\n" * 20_000 + b"selec 1;\n",
    "twenty thousand mistakes": b"selec 1;\n" * 20_000,
    "twenty thousand words that are no COPY": b"copy " * 20_000 + b";",
    "long names": b"".join(b'select 1 as "%s%d";\n' % (b"n" * 70, n) for n in range(5_000)),
    "only comments": b"-- nothing\n/* nothing */\n" * 50_000,
    "an open comment": b"/*" * 100_000,
    "an open dollar quote": b"select $a$" + b"x" * 1_000_000,
    "deep brackets": b"select " + b"(" * 20_000 + b"1" + b")" * 20_000 + b";",
    "deep blocks": b"do $$ " + b"begin " * 5_000 + b"end; " * 5_000 + b"$$;",
    "spaces": b" " * 5_000_000 + b"select 1;",
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_file_ends_in_time_and_hides_no_other(tmp_path: Path, kind: str) -> None:
    write(tmp_path, LARGE[kind])
    assert [finding["rule"] for finding in found(tmp_path)[BESIDE]] == ["truncate"]


SMALL = {
    "nothing": b"",
    "spaces": b" \n\t\n",
    "only a comment": b"-- nothing yet\n",
    "only semicolons": b";;;\n;",
    "crlf": b"select 1;\r\nselect 2;\r\n",
    "line ends of old": b"select 1;\rselect 2;\r",
}


@pytest.mark.parametrize("kind", SMALL)
def test_a_strange_file_that_does_nothing_is_let_pass(tmp_path: Path, kind: str) -> None:
    write(tmp_path, SMALL[kind])
    assert set(found(tmp_path)) == {BESIDE}


def test_a_file_of_a_thousand_mistakes_names_the_first_and_counts_the_rest(tmp_path: Path) -> None:
    name = write(tmp_path, b"selec 1;\n" * 1000)
    mistakes = found(tmp_path)[name]
    assert [finding["line"] for finding in mistakes[:20]] == list(range(1, 21))
    assert (len(mistakes), mistakes[20]["message"]) == (21, "980 more statements cannot be read")


def test_letters_of_many_bytes_move_no_line(tmp_path: Path) -> None:
    name = write(tmp_path, "select 'größe 🐘';\nselec 1;\n/* ü */ truncate shop.ü;\n".encode())
    assert [(f["line"], f["rule"]) for f in found(tmp_path)[name]] == [
        (2, "unreadable-statement"),
        (3, "truncate"),
    ]


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    name = write(tmp_path, b"")
    os.truncate(tmp_path / name, 3_000_000_000)
    report = found(tmp_path)
    assert [finding["message"] for finding in report[name]] == ["3000 MB are too many for a migration"]
    assert BESIDE in report


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, b"select 1;")
    os.mkfifo(tmp_path / "2026-01-01T0902__shop__pipe.sql")
    (tmp_path / "2026-01-01T0903__shop__loop.sql").symlink_to("2026-01-01T0903__shop__loop.sql")
    (tmp_path / "2026-01-01T0904__shop__gone.sql").symlink_to("nowhere")
    (tmp_path / "2026-01-01T0905__shop__zero.sql").symlink_to("/dev/zero")
    report = found(tmp_path)
    refused = {name[11:15] for name, of in report.items() if of[0]["rule"] == "unreadable-file"}
    assert refused == {"0902", "0903", "0904", "0905"}
    assert BESIDE in report


def test_what_is_no_file_is_refused_when_it_is_named_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.sql")
    (tmp_path / "loop.sql").symlink_to("loop.sql")
    report = found(tmp_path, "pipe.sql", "loop.sql")
    assert {finding["rule"] for of in report.values() for finding in of} == {"unreadable-file", "file-name"}


def test_a_folder_called_like_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "2026.sql").mkdir()
    write(tmp_path / "2026.sql", b"select 1;")
    (tmp_path / "2026.sql" / "back").symlink_to(tmp_path)
    assert set(found(tmp_path)) == {f"2026.sql/{BESIDE}"}


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder and a file without rights."""
    write(tmp_path, b"select 1;")
    place = tmp_path / "closed"
    place.mkdir()
    (tmp_path / "2026-01-01T0902__shop__closed.sql").write_text("select 1;")
    (tmp_path / "2026-01-01T0902__shop__closed.sql").chmod(0)
    place.chmod(0)
    yield tmp_path
    place.chmod(0o700)


@contextmanager
def somebody(folder: Path) -> Iterator[None]:
    """Be somebody whom rights bind: root, who may read everything, becomes nobody for a while.

    What the linter loads late is loaded before, since nobody may not read where Python lies.
    """
    if os.geteuid() != 0:
        yield
        return
    lint([folder], Options())
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_has_no_rights_is_said(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(closed)
    with somebody(closed):
        found = {Path(one.file).name: one.rule for one in lint([Path()], Options()).findings}
    assert found["closed"] == "unreadable-file"
    assert found["2026-01-01T0902__shop__closed.sql"] == "unreadable-file"
    assert found[BESIDE] == "truncate"


def test_a_folder_that_cannot_be_opened_is_said_whoever_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, b"select 1;")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refuse(place: str) -> Any:
        if Path(place).name == "closed":
            raise PermissionError(13, "Permission denied", place)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    findings = lint([tmp_path], Options()).findings
    assert [(Path(one.file).name, one.rule) for one in findings] == [
        ("closed", "unreadable-file"),
        (BESIDE, "truncate"),
    ]


def failing(what: Truncate, at: object) -> Iterator[Found]:
    yield Found("said before")
    raise KeyError("relname")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = dict(linting.rules_by_kind())
    rule = Rule("mishap", "block", "", "", "", (Truncate,), failing, "", "", "mishap")
    rules[Truncate] = (rule, *rules[Truncate])
    monkeypatch.setattr(linting, "rules_by_kind", lambda: rules)


def test_a_rule_that_fails_is_a_finding_and_the_others_go_on(tmp_path: Path, broken: None) -> None:
    path = tmp_path / write(tmp_path, b"select 1;\ntruncate shop.a;\ndrop table shop.b;\n")
    findings = lint_file(path, Options())
    assert [(finding.line, finding.rule) for finding in findings] == [
        (2, "mishap"),
        (2, "lint-failed"),
        (2, "truncate"),
        (3, "drop-object"),
    ]
    failure = findings[1]
    assert failure.severity == "block"
    assert "the rule mishap failed: KeyError: 'relname' (test_lint_hostile.py:" in failure.message
    assert "please report" in failure.instead


def test_a_file_can_go_on_after_a_failure_if_somebody_has_read_it(tmp_path: Path, broken: None) -> None:
    text = b"-- lamppost: allow lint-failed, read by two\n-- lamppost: allow truncate, empty\n"
    path = tmp_path / write(tmp_path, text + b"-- lamppost: allow mishap, no harm\ntruncate shop.a;\n")
    assert lint_file(path, Options()) == []


def test_a_translation_that_fails_is_a_finding_and_the_other_statements_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = Translator.kinds

    def fail(self: Translator, kind: str, *rest: Any) -> Any:
        return 1 // 0 if kind == "DropStmt" else kinds(self, kind, *rest)

    monkeypatch.setattr(Translator, "kinds", fail)
    path = tmp_path / write(tmp_path, b"drop table shop.b;\ntruncate shop.a;\n")
    findings = lint_file(path, Options())
    assert [(finding.line, finding.rule) for finding in findings] == [(1, "lint-failed"), (2, "truncate")]
    assert "reading DropStmt failed: ZeroDivisionError" in findings[0].message


def test_a_process_that_dies_loses_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(100):
        (tmp_path / f"2026-01-01T{n // 60:02}{n % 60:02}__shop__n.sql").write_text("truncate shop.t;\n")
    here = os.getpid()
    judge = processes.lint_file

    def die(path: Path, *rest: Any) -> Any:
        if os.getpid() != here:
            os._exit(9)
        return judge(path, *rest)

    monkeypatch.setattr(processes, "lint_file", die)
    monkeypatch.setattr(processes, "_two_cores", lambda: True)
    report = lint([tmp_path], Options())
    assert [finding.file for finding in report.findings] == report.files
