"""`lamppost deploy` and `lamppost preview`: a CDK and an AWS of our own write down what they hear."""

import json
import os
import pty
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.commands import run
from tests.cloud.aws_door import ACCOUNT, Aws, opened
from tests.cloud.conftest import Stage
from tests.running import ROOT

VERSION = json.loads((ROOT / "infra" / "package.json").read_text())["devDependencies"]["aws-cdk"]
# Keeps its arguments, and an output for each stack's tag, as CDK would.
CDK = """
const fs = require("fs"), at = process.argv;
const folder = at[at.indexOf("--app") + 1], file = at[at.indexOf("--outputs-file") + 1];
const tags = Object.values(JSON.parse(fs.readFileSync(folder + "/manifest.json")).artifacts)
  .filter(each => each.type === "aws:cloudformation:stack").map(each => each.properties.tags);
fs.writeFileSync("heard.json", JSON.stringify({arguments: at.slice(2), tags}));
if (fs.existsSync("fail")) process.exit(3);
fs.writeFileSync(file, JSON.stringify({Stack: {ApiEndpoint: "https://api"}}));
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with opened(monkeypatch) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with this one's stages, and a CDK that only writes down what it is told."""
    infra = tmp_path / "infra"
    program = infra / "node_modules" / "aws-cdk"
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "cdk").write_text(CDK)
    (program / "package.json").write_text(json.dumps({"version": VERSION}))
    shutil.copy(ROOT / "infra" / "package.json", infra)
    shutil.copy(ROOT / "infra" / "stages.toml", infra)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """The exit code of a command, and what it says to a program."""

    def ask(*arguments: str) -> tuple[int, Any]:
        code = run(list(arguments))
        out, err = capfd.readouterr()
        return code, json.loads(out or err.splitlines()[-1])

    return ask


Said = Callable[..., tuple[int, Any]]


def heard(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "infra" / "heard.json").read_text()))


def test_a_deployment_is_shown_done_and_kept(root: Path, aws: Aws, said: Said, prod: Stage) -> None:
    """The next one finds what stands, and the addresses are known to `config export`."""
    asked = ("deploy", "--stage", "prod", "--yes", "prod", "--templates", str(prod.folder))
    code, told = said(*asked)
    assert (code, told["deployed"], told["account"]) == (0, True, ACCOUNT)
    assert re.fullmatch(r"\d+ added; \d+ rights given, 0 taken", told["changes"])
    assert heard(root)["arguments"][:4] == ["deploy", "--app", str(prod.folder), "--all"]
    assert json.loads((root / "infra" / "outputs" / "prod.json").read_text())["Stack"]
    assert len(list((root / "infra" / "snapshots" / "prod").iterdir())) == len(prod.names)

    aws.templates = {prod.names[id]: template.body for id, template in prod.stacks.items()}
    code, told = said(*asked)
    assert (code, told["changes"]) == (0, "No resource changes")
    assert told["cost"]["before"] == told["cost"]["after"] > 50


def test_somebody_elses_deployment_is_seen(root: Path, aws: Aws, said: Said, dev: Stage) -> None:
    """A snapshot may be old, so what AWS has counts; not what was kept."""
    aws.templates = {dev.names[id]: template.body for id, template in dev.stacks.items()}
    queues = json.loads(json.dumps(aws.templates["BdayInfraStack-dev"]))
    for each in queues["Resources"].values():
        if each["Type"] == "AWS::SQS::Queue":
            each["Properties"]["VisibilityTimeout"] = 7
    aws.templates["BdayInfraStack-dev"] = queues
    code, told = said("diff", "--deployed", "--templates", str(dev.folder))
    assert (code, told["against"]) == (0, "what stands on AWS")
    assert {each["type"] for each in told["resources"]} == {"AWS::SQS::Queue"}

    code, told = said("diff", "--deployed", "--against", "x", "--templates", str(dev.folder))
    assert (code, told["code"]) == (1, "two_sides")


def test_a_deployment_that_fails_leaves_the_last_one_known(
    root: Path, aws: Aws, said: Said, dev: Stage
) -> None:
    (root / "infra" / "fail").touch()
    code, told = said("deploy", "--yes", "dev", "--templates", str(dev.folder))
    assert (code, told["code"]) == (1, "deploy_failed")
    assert not (root / "infra" / "snapshots").exists()
    assert list((root / "infra" / "outputs").iterdir()) == []


def test_nobody_is_not_a_yes(
    root: Path, aws: Aws, said: Said, prod: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither is another stage's name."""
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        code, told = said("deploy", "--stage", "prod", "--templates", str(prod.folder))
    assert (code, told["code"]) == (1, "not_confirmed")
    code, told = said("deploy", "--stage", "prod", "--yes", "dev", "--templates", str(prod.folder))
    assert (code, told["code"]) == (1, "not_confirmed")
    assert not (root / "infra" / "heard.json").exists()


def test_a_stage_that_matters_and_whose_alarms_nobody_hears_is_named(
    root: Path, aws: Aws, prod: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    run(["deploy", "--stage", "prod", "--yes", "prod", "--templates", str(prod.folder)])
    assert "alarms will ring for nobody" in capfd.readouterr().err
    stages = root / "infra" / "stages.toml"
    heard_by = stages.read_text().replace("[stages.prod]", '[stages.prod]\nalarms_to = ["night@example.com"]')
    stages.write_text(heard_by)
    run(["deploy", "--stage", "prod", "--yes", "prod", "--templates", str(prod.folder)])
    assert "alarms will ring for nobody" not in capfd.readouterr().err


@pytest.mark.parametrize(("answer", "code"), [("y", 1), ("prod", 0)])
def test_production_is_agreed_to_by_its_name(
    root: Path, aws: Aws, prod: Stage, answer: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal, closefd=True) as person:
        os.write(keyboard, f"{answer}\n".encode())
        monkeypatch.setattr("sys.stdin", person)
        assert run(["deploy", "--stage", "prod", "--templates", str(prod.folder)]) == code
    os.close(keyboard)
    assert (root / "infra" / "heard.json").exists() == (code == 0)


def test_what_is_missing_is_said_before_anything_is_made(
    root: Path, aws: Aws, said: Said, dev: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pinned CDK, credentials, and the stage's own account."""
    asked = ("deploy", "--yes", "dev", "--templates", str(dev.folder))
    stages = root / "infra" / "stages.toml"
    stages.write_text(stages.read_text().replace("[stages.dev]", '[stages.dev]\naccount = "999999999999"'))
    assert said(*asked)[1]["code"] == "account_of_another_stage"

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(root / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(root / "none"))
    code, told = said(*asked)
    assert (code, told["code"]) == (1, "credentials_missing")
    assert "AWS_PROFILE" in told["fix"]

    (root / "infra" / "node_modules" / "aws-cdk" / "package.json").write_text('{"version": "3.0.0"}')
    code, told = said(*asked)
    assert (code, told["code"]) == (1, "cdk_missing")
    assert "3.0.0" in told["error"]


def test_a_preview_carries_its_end(root: Path, aws: Aws, said: Said, synthesised: Any) -> None:
    """As a tag of each of its stacks, beside those that say whose it is."""
    folder = root / "made"
    shutil.copytree(synthesised.stages["pr-12"].folder, folder)
    code, told = said("preview", "up", "12", "--ttl", "12h", "--yes", "--templates", str(folder))
    assert (code, told["deployed"], told["stage"]) == (0, True, "pr-12")
    ends = {tags["lamppost:expires"] for tags in heard(root)["tags"]}
    assert ends == {told["expires"]}
    left = datetime.fromisoformat(told["expires"]) - datetime.now(UTC)
    assert timedelta(hours=11, minutes=50) < left <= timedelta(hours=12)
    assert {tags["lamppost:stage"] for tags in heard(root)["tags"]} == {"pr-12"}

    code, told = said("preview", "up", "12", "--ttl", "31d", "--yes")
    assert (code, told["code"]) == (1, "ttl")


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def test_only_previews_whose_time_is_over_are_swept(root: Path, aws: Aws, said: Said) -> None:
    """The newest stack first; nothing of another system, of another stage, or without an end."""
    aws.stand("Network-pr-7", 30, system="lamppost", stage="pr-7", expires=ago(1))
    aws.stand("Service-pr-7", 29, system="lamppost", stage="pr-7", expires=ago(1))
    aws.stand("Network-pr-8", 30, system="lamppost", stage="pr-8", expires=ago(-1))
    aws.stand("Network-pr-9", 30, system="lamppost", stage="pr-9")
    aws.stand("Network-pr-6", 30, system="other", stage="pr-6", expires=ago(1))
    aws.stand("Network-prod", 30, system="lamppost", stage="prod", expires=ago(1))
    # Deployed again just now: one of its stacks has the later end already.
    aws.stand("Network-pr-5", 30, system="lamppost", stage="pr-5", expires=ago(-9))
    aws.stand("Service-pr-5", 29, system="lamppost", stage="pr-5", expires=ago(1))

    _, told = said("preview", "list")
    assert [(row["stage"], row["over"]) for row in told] == [
        ("pr-5", False),
        ("pr-7", True),
        ("pr-8", False),
        ("pr-9", False),
    ]
    said("preview", "sweep", "--dry-run")
    assert not any(each.startswith("DeleteStack") for each in aws.asked)
    assert said("preview", "sweep")[0] == 0
    assert [each for each in aws.asked if each.startswith("DeleteStack")] == [
        "DeleteStack Service-pr-7",
        "DeleteStack Network-pr-7",
    ]
    assert said("preview", "sweep") == (0, [])


def test_a_stack_that_stays_does_not_keep_the_others(root: Path, aws: Aws, said: Said) -> None:
    aws.stand("Network-pr-1", 30, system="lamppost", stage="pr-1", expires=ago(1))
    aws.stand("Network-pr-2", 30, system="lamppost", stage="pr-2", expires=ago(1))
    aws.refuses = {"Network-pr-1"}
    code, told = said("preview", "sweep")
    assert code == 1
    assert [(row["stage"], row["swept"], bool(row["error"])) for row in told] == [
        ("pr-1", False, True),
        ("pr-2", True, False),
    ]
