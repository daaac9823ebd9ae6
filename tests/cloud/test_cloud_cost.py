"""What the stages cost, by the command, from the templates that the other tests read too."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.commands import run
from tests.cloud.conftest import Stage, Synthesised
from tests.running import ROOT

Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Asked:
    """What `lamppost cost` answers a program about a stage."""

    def ask(stage: Stage, *more: str) -> dict[str, Any]:
        code = run(["cost", "--stage", stage.env, "--templates", str(stage.folder), *more])
        out, err = capsys.readouterr()
        assert code == 0, err
        return dict(json.loads(out))

    return ask


def test_every_resource_of_every_stage_has_a_price_or_a_reason(stage: Stage, asked: Asked) -> None:
    """Whoever adds a type of resource says what it costs. No stage is dearer than its size lets expect."""
    told = asked(stage)
    most = {"prod": 150, "staging": 100}.get(stage.env, 75)
    assert 10 < told["stands"] <= told["gross"] < most
    assert 10 < told["net"] < told["gross"]


@pytest.mark.parametrize("env", ["full", "six"])
def test_what_a_stage_may_pay_for_has_a_price(
    request: pytest.FixtureRequest, asked: Asked, monkeypatch: pytest.MonkeyPatch, env: str
) -> None:
    """A proxy, a replica, sandboxes kept ready; and a way out that costs nothing."""
    monkeypatch.chdir(ROOT / "tests" / "data" / "stacks")
    of = {row["name"]: row["quantity"] for row in asked(request.getfixturevalue(env))["rows"]}
    assert ("rds.proxy" in of) == (env == "full")
    assert ("nat.hours" in of) == (env == "full")
    if env == "full":
        # The first in two zones, its replica in one, each with its disk.
        assert of["rds.postgres.t4g.small.multi_az"] == of["rds.postgres.t4g.small.single_az"] == 730
        assert of["rds.gp3.multi_az"] == of["rds.gp3.single_az"] == 20


def test_production_pays_for_two_zones_and_a_gateway(synthesised: Synthesised, asked: Asked) -> None:
    """And dev for neither; the sums are those that one finds by hand."""
    dev, prod = (asked(synthesised.stages[env]) for env in ("dev", "prod"))
    of = {
        name: {row["name"]: round(row["gross"], 2) for row in each["rows"]}
        for name, each in (("dev", dev), ("prod", prod))
    }
    assert of["prod"]["rds.postgres.t4g.small.multi_az"] == 47.45
    assert (of["prod"]["nat.hours"], of["prod"]["vpc.public_ipv4"]) == (32.85, 3.65)
    assert of["dev"]["rds.postgres.t4g.micro.single_az"] == 11.68
    assert (of["dev"]["ec2.t4g.nano"], of["dev"]["vpc.public_ipv4"]) == (3.07, 3.65)
    assert "nat.hours" not in of["dev"]


def test_another_traffic_makes_another_bill(synthesised: Synthesised, asked: Asked, tmp_path: Path) -> None:
    """A million messages to one queue, and what that asks of SQS; what stands does not move."""
    file = tmp_path / "busy.toml"
    file.write_text('[named."bday-messages"]\nmessages = 1_000_000\n')
    usual = asked(synthesised.stages["prod"])
    busy = asked(synthesised.stages["prod"], "--traffic", str(file))

    requests = {row["name"]: row["quantity"] for row in busy["rows"]}["sqs.standard"]
    assert requests == 3_000_000 + 657_000
    assert busy["stands"] == usual["stands"]
    assert busy["gross"] > usual["gross"]
    assert busy["traffic"]["named"]["bday-messages"]["messages"] == 1_000_000


def test_templates_of_another_stage_are_refused(dev: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "--stage", "prod", "--templates", str(dev.folder)]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "templates_of_another_stage"
    assert run(["cost", "--templates", str(dev.folder / "nothing")]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "templates_missing"
