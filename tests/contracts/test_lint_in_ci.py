"""The hook and the workflow that others copy: what they call exists, and they ask for no more rights."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT

BIN = Path(sys.executable).parent / "lamppost"
HOOK = (ROOT / ".pre-commit-hooks.yaml").read_text()
WORKFLOW = (ROOT / ".github" / "workflows" / "migrations.yml").read_text()
COMMANDS = re.findall(r"run: (lamppost .*)", WORKFLOW)


def said(text: str, key: str) -> str:
    found = re.search(rf"^[ -]*{key}: (.*)$", text, re.MULTILINE)
    assert found, key
    return found[1]


def test_the_hook_takes_every_migration_and_nothing_else() -> None:
    files = re.compile(said(HOOK, "files"))
    migrations = [*ROOT.glob("services/*/migrations/*.sql"), *ROOT.glob("src/lamppost/migrations/*.sql")]
    assert migrations
    assert all(files.search(path.relative_to(ROOT).as_posix()) for path in migrations)
    assert not files.search("src/lamppost/migrate/lint/rules/truncate.bad.sql")


def test_the_hook_calls_a_command_that_blocks(tmp_path: Path) -> None:
    entry = shlex.split(said(HOOK, "entry"))
    (tmp_path / "2026-01-01T0900__shop__a.sql").write_text("truncate shop.things;\n")
    done = subprocess.run(
        [BIN, *entry[1:], "2026-01-01T0900__shop__a.sql"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (entry[0], done.returncode) == ("lamppost", 1)
    assert done.stdout.decode().splitlines()[-1] == "verdict block: 1 blocking in 1 file"


def test_the_workflow_lints_and_rehearses() -> None:
    assert [command.split()[:3] for command in COMMANDS] == [
        ["lamppost", "migrate", "lint"],
        ["lamppost", "migrate", "rehearse"],
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_know_their_options(command: str) -> None:
    words = [word for word in shlex.split(command)[1:] if word.startswith("--")]
    page = subprocess.run(
        [BIN, *shlex.split(command)[1:3], "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert all(word.partition("=")[0] in page for word in words)


def test_the_workflow_may_read_and_nothing_more() -> None:
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", WORKFLOW, re.MULTILINE) == ["  contents: read\n"]
    assert WORKFLOW.count("permissions:") == 1
    assert "persist-credentials: false" in WORKFLOW
    assert "pull_request_target" not in WORKFLOW


def test_its_actions_are_of_one_exact_version() -> None:
    uses = re.findall(r"uses: (.+)", WORKFLOW)
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in uses)


def test_nothing_of_a_branchs_name_is_put_into_a_script() -> None:
    scripts = re.findall(r"run: (.*)", WORKFLOW)
    assert not [script for script in scripts if "${{" in script]
