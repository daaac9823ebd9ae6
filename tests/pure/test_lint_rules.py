"""Every rule: its bad example breaks it, its good example breaks nothing."""

from pathlib import Path

import pytest

from lamppost.migrate.lint import rules as folder
from lamppost.migrate.lint.facts import Facts, Known
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.options import Options
from lamppost.migrate.lint.rules import Rule, load

RULES = load()
PLACE = Path(folder.__file__).parent
# A few rules speak only of servers other than the usual one.
SERVERS = {"concurrent-index-corrupts": "14.2", "newer-server": "14"}


def example(rule: Rule, kind: str, tmp_path: Path) -> list[tuple[str, str]]:
    path = tmp_path / "2026-01-01T0900__birthday__example.sql"
    path.write_text((PLACE / f"{rule.module}.{kind}.sql").read_text())
    options = Options(service="birthday", pg=SERVERS.get(rule.name, "15"))
    known = Known(Facts()) if rule.name == "missing-object" else None
    return [(finding.rule, finding.severity) for finding in lint_file(path, options, known)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_bad_example_breaks_its_rule(rule: Rule, tmp_path: Path) -> None:
    assert (rule.name, rule.severity) in example(rule, "bad", tmp_path)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_good_example_may_go(rule: Rule, tmp_path: Path) -> None:
    found = example(rule, "good", tmp_path)
    assert rule.name not in [name for name, _ in found]
    assert "block" not in [severity for _, severity in found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_called_what_its_file_is_called(rule: Rule) -> None:
    assert rule.name == rule.module.replace("_", "-")


def test_nothing_lies_in_the_folder_that_is_no_rule() -> None:
    modules = {rule.module for rule in RULES}
    stems = {path.name.split(".")[0] for path in PLACE.iterdir() if path.suffix in {".py", ".sql"}}
    assert stems - {"__init__"} == modules
