"""What the linter remembers of unchanged files: never a finding that is no longer true."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lamppost.migrate.lint import cache as cache_module
from lamppost.migrate.lint import run
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.run import lint
from lamppost.migrate.lint.shelf import Library

FILES = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "files"
    place.mkdir()
    for n in range(FILES):
        write(place, n, f"create table shop.t{n} (id bigint primary key, name text);\n")
    return place


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def write(folder: Path, n: int, text: str) -> Path:
    path = folder / f"2026-01-01T09{n:02}__shop__f.sql"
    path.write_text(text)
    return path


class Judged:
    """Which files were judged, not remembered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[str] = []
        judge = run._judged

        def watched(files: list[str], options: Options, library: Library) -> dict[str, list[Finding]]:
            self.files = [Path(file).name[13:15] for file in files]
            return judge(files, options, library)

        monkeypatch.setattr(run, "_judged", watched)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    return Judged(monkeypatch)


def test_the_second_run_judges_nothing_and_says_the_same(folder: Path, place: Path, judged: Judged) -> None:
    write(folder, 7, "truncate shop.t1;\n")
    first = lint([folder], Options(), cache=place)
    assert len(judged.files) == FILES
    assert lint([folder], Options(), cache=place) == first
    assert judged.files == []
    assert [finding.rule for finding in first.findings] == ["truncate"]


def test_a_changed_file_and_all_after_it_are_judged_again(folder: Path, place: Path, judged: Judged) -> None:
    lint([folder], Options(), cache=place)
    write(folder, 17, "truncate shop.t1;\n")
    report = lint([folder], Options(), cache=place)
    assert judged.files == ["17", "18", "19"]
    assert [finding.rule for finding in report.findings] == ["truncate"]


def test_an_earlier_file_that_loses_its_proof_changes_the_verdict_of_a_later_one(
    folder: Path, place: Path
) -> None:
    write(folder, 1, "alter table shop.t0 add constraint named check (name is not null);\n")
    write(folder, 19, "alter table shop.t0 alter column name set not null;\n")
    rules = [finding.rule for finding in lint([folder], Options(), cache=place).findings]
    assert "set-not-null-scans" not in rules
    write(folder, 1, "alter table shop.t0 add column other text;\n")
    again = lint([folder], Options(), cache=place)
    assert "set-not-null-scans" in [finding.rule for finding in again.findings]


@pytest.mark.parametrize("change", ["deleted", "renamed", "a new one between"])
def test_the_files_before_count_by_name_too(folder: Path, place: Path, judged: Judged, change: str) -> None:
    lint([folder], Options(), cache=place)
    first = folder / "2026-01-01T0918__shop__f.sql"
    match change:
        case "deleted":
            first.unlink()
        case "renamed":
            first.rename(folder / "2026-01-01T0918__shop__g.sql")
        case _:
            (folder / "2026-01-01T0918__shop__e.sql").write_text("select 1;\n")
    lint([folder], Options(), cache=place)
    assert "19" in judged.files
    assert "17" not in judged.files


@pytest.mark.parametrize("options", [Options(pg="14"), Options(service="users")])
def test_other_options_have_other_findings(
    folder: Path, place: Path, judged: Judged, options: Options
) -> None:
    lint([folder], Options(), cache=place)
    lint([folder], options, cache=place)
    assert len(judged.files) == FILES


def test_the_files_of_earlier_count(tmp_path: Path, folder: Path, place: Path, judged: Judged) -> None:
    before = tmp_path / "before" / "deep"
    before.mkdir(parents=True)
    (before / "a.sql").write_text("select 1;\n")
    options = Options(earlier=str(tmp_path / "before"))
    lint([folder], options, cache=place)
    lint([folder], options, cache=place)
    assert judged.files == []
    (before / "a.sql").write_text("select 2;\n")
    lint([folder], options, cache=place)
    assert len(judged.files) == FILES


def test_a_folder_that_becomes_a_services_is_judged_anew(tmp_path: Path, place: Path, judged: Judged) -> None:
    folder = tmp_path / "shop" / "migrations"
    folder.mkdir(parents=True)
    for n in range(FILES):
        (folder / f"V{n:02}.sql").write_text("select 1;\n")
    assert lint([folder], Options(), cache=place).verdict == "advise"
    (folder.parent / "service.py").touch()
    assert lint([folder], Options(), cache=place).verdict == "block"


@pytest.mark.parametrize("source", ["rules/truncate.py", "state.py", "steady_functions.txt"])
def test_an_edit_of_the_linter_forgets_everything(
    folder: Path, place: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    lint([folder], Options(), cache=place)
    edited = Path(cache_module.__file__).parent / source
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"# edited" if path == edited else b"")
    )
    lint([folder], Options(), cache=place)
    assert len(judged.files) == FILES


def test_a_catalog_is_never_remembered(folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_judged", lambda files, *_: {file: [] for file in files})
    lint([folder], Options(catalog="postgresql://127.0.0.1/x"), cache=place)
    assert not place.exists()


def test_findings_carry_the_path_as_it_is_given_now(
    folder: Path, place: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 3, "truncate shop.t1;\n")
    lint([folder], Options(), cache=place)
    monkeypatch.chdir(folder)
    [finding] = lint([Path()], Options(), cache=place).findings
    assert (judged.files, finding.file) == ([], "2026-01-01T0903__shop__f.sql")


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-3],
        lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:],
        lambda raw: raw + b"x",
        lambda raw: b"\0" * len(raw),
    ],
    ids=["emptied", "cut off", "one bit", "longer", "zeros"],
)
def test_a_damaged_shelf_is_ignored_and_replaced(
    folder: Path, place: Path, judged: Judged, damage: object
) -> None:
    write(folder, 3, "truncate shop.t1;\n")
    first = lint([folder], Options(), cache=place)
    [shelf] = place.iterdir()
    assert callable(damage)
    shelf.write_bytes(damage(shelf.read_bytes()))
    assert lint([folder], Options(), cache=place) == first
    assert len(judged.files) == FILES
    lint([folder], Options(), cache=place)
    assert judged.files == []


def test_where_nothing_can_be_written_nothing_is_remembered(
    tmp_path: Path, folder: Path, judged: Judged
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    assert lint([folder], Options(), cache=tmp_path / "taken" / "lint").verdict == "pass"


def test_a_file_that_could_not_be_read_is_not_remembered(folder: Path, place: Path) -> None:
    path = folder / "2026-01-01T0905__shop__f.sql"
    os.truncate(path, 20_000_000)
    blocked = lint([folder], Options(), cache=place)
    assert [finding.rule for finding in blocked.findings] == ["unreadable-file"]
    os.truncate(path, 0)
    assert lint([folder], Options(), cache=place).findings == []


def test_two_runs_at_once_and_one_that_is_killed_leave_a_whole_shelf(tmp_path: Path, folder: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "home")}
    command = [str(Path(sys.executable).parent / "lamppost"), "migrate", "lint", str(folder), "--json"]
    expected = subprocess.run([*command, "--no-cache"], capture_output=True, check=False).stdout
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    killed.kill()
    assert [one.communicate()[0] for one in running] == [expected] * 3
    killed.wait()
    assert subprocess.run(command, env=environment, capture_output=True, check=False).stdout == expected
    place = tmp_path / "home" / "lamppost" / "lint"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_cache_never_grows_without_bounds(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "_SHELVES", 3)
    for n in range(6):
        folder = tmp_path / f"folder{n}"
        folder.mkdir()
        for file in range(FILES):
            write(folder, file, "select 1;\n")
        lint([folder], Options(), cache=place)
    assert len(list(place.iterdir())) == 3
    monkeypatch.setattr(cache_module, "_LARGEST", 10)
    judged = Judged(monkeypatch)
    write(folder, 0, "select 2;\n")
    for _ in range(2):
        lint([folder], Options(), cache=place)
        assert len(judged.files) == FILES


def test_no_cache_means_none(tmp_path: Path, folder: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "home")}
    command = [str(Path(sys.executable).parent / "lamppost"), "migrate", "lint", str(folder), "--no-cache"]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert not (tmp_path / "home").exists()
