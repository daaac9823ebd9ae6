"""`lamppost diff` by its command, from templates that the other tests read too."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.commands import run
from lamppost.cloud import assembly, snapshots
from lamppost.derive.changes import fates
from tests.cloud.conftest import Stage

Asked = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def asked(
    dev: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Asked:
    """The exit code of `lamppost diff` of dev in an empty folder, and what it says."""
    monkeypatch.chdir(tmp_path)

    def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = run(["diff", "--templates", str(dev.folder), *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out or err)

    return ask


def test_what_was_kept_is_what_the_next_is_compared_with(asked: Asked, tmp_path: Path) -> None:
    code, told = asked()
    assert (code, told["code"]) == (1, "snapshot_missing")

    code, told = asked("--keep")
    assert code == 0
    assert len(told["resources"]) > 100
    assert {each["fate"] for each in told["resources"]} == {"added"}
    assert told["cost"]["before"] == 0 < told["cost"]["after"]

    code, told = asked("--check")
    assert (code, told["resources"], told["rights"]) == (0, [], [])
    assert sorted(path.name for path in (tmp_path / "infra" / "snapshots").iterdir()) == ["dev"]


def test_a_change_is_found_and_priced(asked: Asked, tmp_path: Path) -> None:
    """Somebody changed the database's name and size; the name makes it another database."""
    asked("--keep")
    path = tmp_path / "infra" / "snapshots" / "dev" / "Barkbase-DatabaseStack-dev.json"
    body = json.loads(path.read_text())
    for each in body["Resources"].values():
        if each["Type"] == "AWS::RDS::DBInstance":
            each["Properties"] |= {"DBInstanceIdentifier": "old", "DBInstanceClass": "db.t4g.small"}
    path.write_text(json.dumps(body))

    code, told = asked("--check")
    database = next(each for each in told["resources"] if each["type"] == "AWS::RDS::DBInstance")
    assert code == 1
    assert (database["fate"], database["because"]) == ("replaced", ["DBInstanceIdentifier"])
    assert database["lost"] == "snapshot"
    assert round(told["cost"]["after"] - told["cost"]["before"], 2) == -11.68


def test_stages_compare_by_their_folders(asked: Asked, prod: Stage) -> None:
    code, told = asked("--against", str(prod.folder))
    assert code == 0
    assert "Barkbase-NetworkStack-dev" in told["stacks_added"]
    assert "Barkbase-NetworkStack-prod" in told["stacks_removed"]


def test_a_snapshot_is_kept_whole_or_not_at_all(dev: Stage, tmp_path: Path) -> None:
    """What an earlier one had and this one lacks is gone; nothing half made lies beside it."""
    folder = tmp_path / "dev"
    snapshots.keep(folder, assembly.read(dev.folder))
    (folder / "Gone.json").write_text("{}")
    snapshots.keep(folder, assembly.read(dev.folder))
    assert [path.name for path in tmp_path.iterdir()] == ["dev"]
    assert set(snapshots.read(folder)) == set(dev.names.values())


def test_the_specification_covers_every_type_that_is_made(stage: Stage) -> None:
    """Run scripts/immutable.py when a stack has a type that it did not have before."""
    made = {
        each["Type"] for template in stage.stacks.values() for each in template.body["Resources"].values()
    }
    unknown = {kind for kind in made if fates.verdict(kind, {"Anything"})[0] == "perhaps replaced"}
    assert unknown == set()
