"""Earlier files are asked again and again, and learned from once."""

from pathlib import Path

import pytest

from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.shelf import Library, sql_below, sql_in

FILES = 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n in range(FILES):
        text = (
            f"alter table shop.t add column c{n} text;\nalter table shop.t alter column c{n} set not null;\n"
        )
        (tmp_path / f"2026-01-01T09{n:02}__shop__f.sql").write_text(text)
    return tmp_path


def rules(path: Path, library: Library) -> list[str]:
    return [finding.rule for finding in lint_file(path, Options(), None, library)]


def test_each_file_is_learned_from_once_however_often_it_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    learn = Facts.learn
    monkeypatch.setattr(Facts, "learn", lambda facts, one: (learned.append(len(one)), learn(facts, one)))
    library = Library()
    for path in sorted(folder.iterdir()):
        lint_file(path, Options(), None, library)
    assert 0 < len(learned) < 3 * FILES


def test_a_file_knows_nothing_of_those_after_it_in_whatever_order_they_are_judged(tmp_path: Path) -> None:
    before, proof, after = (tmp_path / f"2026-01-0{n}T0900__shop__f.sql" for n in (1, 2, 3))
    before.write_text("alter table shop.t alter column c set not null;\n")
    proof.write_text("alter table shop.t add constraint named check (c is not null);\n")
    after.write_text("alter table shop.t alter column c set not null;\n")
    library = Library()
    for path, scans in ((before, True), (after, False), (before, True), (after, False)):
        assert ("set-not-null-scans" in rules(path, library)) == scans


def test_a_name_is_found_as_a_word_in_each_file_once_and_in_any_case(tmp_path: Path) -> None:
    for n, text in enumerate(["THINGS things", "things_more", "no_things", "a.things;", "x"]):
        (tmp_path / f"{n}.sql").write_text(text)
    shelf = Library().shelf(str(tmp_path))
    assert [Path(path).stem for path in shelf.mentioning("Things", None)] == ["0", "3"]
    assert [Path(path).stem for path in shelf.mentioning("things", str(tmp_path / "3.sql"))] == ["0"]
    assert [Path(path).stem for path in shelf.mentioning("x", None)] == ["4"]


def test_the_files_of_a_folder_are_spelled_as_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.sql").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.sql").touch()
    (tmp_path / "a.b").mkdir()
    (tmp_path / "a.b" / "c.sql").touch()
    monkeypatch.chdir(tmp_path)
    assert sql_in(".") == [str(path) for path in sorted(Path().glob("*.sql"))]
    for folder in (".", "a", str(tmp_path)):
        assert sql_below(folder) == [str(path) for path in sorted(Path(folder).rglob("*.sql"))]
