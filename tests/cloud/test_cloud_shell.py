"""The way of people into a stage's database: what stands for it, and the command that takes it."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.commands import run
from tests.cloud.aws_door import Aws, opened
from tests.cloud.conftest import Stage
from tests.running import ROOT

# Waits like the plugin does, and says with what it was called.
AWS = """#!{python}
import json, os, pathlib, signal, sys
pathlib.Path("aws.json").write_text(json.dumps(sys.argv[1:]))
pathlib.Path("aws.pid").write_text(str(os.getpid()))
if pathlib.Path("refused").exists():
    sys.exit("AccessDenied")
print("Starting session", flush=True)
print("Waiting for connections...", flush=True)
signal.pause()
"""
PSQL = """#!{python}
import json, os, pathlib, sys
held = {{name: os.environ.get(name) for name in ("PGPASSWORD", "PGOPTIONS")}}
pathlib.Path("psql.json").write_text(json.dumps([sys.argv[1:], held]))
sys.exit(3)
"""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with opened(monkeypatch) as made:
        made.stand("Barkbase-ShellStack-dev", 1, {"ShellInstanceId": "i-0123"})
        made.stand("Barkbase-DatabaseStack-dev", 1, {"DbHost": "db.example"})
        login = {"username": "bday_app", "password": "s3cret word", "dbname": "bday"}
        made.secrets["bday/dev/db-credentials"] = json.dumps(login)
        yield made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose dev has a way in, and programs that write down how they are called."""
    (tmp_path / "services").symlink_to(ROOT / "services")
    (tmp_path / "infra").mkdir()
    stages = (ROOT / "infra" / "stages.toml").read_text()
    (tmp_path / "infra" / "stages.toml").write_text(
        stages.replace("[stages.dev]\n", "[stages.dev]\nshell = true\n")
    )
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("aws", AWS), ("psql", PSQL), ("session-manager-plugin", AWS)):
        (programs / name).write_text(text.format(python=sys.executable))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The code with which a command is refused."""

    def ask(*arguments: str) -> Any:
        assert run(["db", "shell", *arguments]) == 1
        return json.loads(capfd.readouterr().err.splitlines()[-1])["code"]

    return ask


def test_psql_stands_at_the_end_of_the_way(root: Path, aws: Aws) -> None:
    """It checks the server's own name, reads only, and its password is in no argument."""
    assert run(["db", "shell", "bday", "--stage", "dev"]) == 3
    session = json.loads((root / "aws.json").read_text())
    assert session[:6] == ["ssm", "start-session", "--region", "us-east-2", "--target", "i-0123"]
    (place,), held = json.loads((root / "psql.json").read_text())
    port = json.loads(session[-1])["localPortNumber"][0]
    assert json.loads(session[-1])["host"] == ["db.example"]
    for part in (
        "host=db.example",
        "hostaddr=127.0.0.1",
        f"port={port}",
        "sslmode=verify-full",
        "user=bday_app",
    ):
        assert part in place
    assert "s3cret" not in place
    assert held == {"PGPASSWORD": "s3cret word", "PGOPTIONS": "-c default_transaction_read_only=on"}


def test_writing_is_asked_for(root: Path, aws: Aws) -> None:
    run(["db", "shell", "bday", "--stage", "dev", "--write"])
    assert json.loads((root / "psql.json").read_text())[1]["PGOPTIONS"] == ""


def test_the_way_ends_with_psql(root: Path, aws: Aws) -> None:
    """The session's process is gone when the command is."""
    run(["db", "shell", "bday", "--stage", "dev"])
    with pytest.raises(ProcessLookupError):
        os.kill(int((root / "aws.pid").read_text()), 0)


def test_the_command_is_printed_for_other_tools(
    root: Path, aws: Aws, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing is installed that could run it; the secret is not even read."""
    monkeypatch.setenv("PATH", str(root))
    aws.secrets.clear()
    assert run(["db", "shell", "bday", "--stage", "dev", "--print"]) == 0
    assert capfd.readouterr().out.startswith("aws ssm start-session --region us-east-2 --target i-0123")
    assert not (root / "aws.json").exists()


def test_what_is_missing_is_told(
    root: Path, aws: Aws, refused: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage's way in, its stacks, the secret, the programs, the right to open a session."""
    assert refused("bday", "--stage", "staging") == "stage_without_shell"
    assert refused("nothing", "--stage", "dev") == "no_such_database"
    assert refused("bday", "--stage", "dev", "--admin") == "not_the_administrator"
    assert refused("barkbase", "--stage", "dev") == "secret_unreadable"
    (root / "refused").touch()
    assert refused("bday", "--stage", "dev") == "session_refused"
    aws.stacks.clear()
    assert refused("bday", "--stage", "dev") == "stack_missing"
    (root / "programs" / "session-manager-plugin").unlink()
    assert refused("bday", "--stage", "dev") == "program_missing"


def test_the_machine_has_no_door(full: Stage) -> None:
    """No key, no public address, nothing comes in, and its role only holds sessions."""
    template = full["Shop-ShellStack-full"]
    (machine,) = template.of("AWS::EC2::Instance").values()
    said = machine["Properties"]
    assert "KeyName" not in said
    assert "NetworkInterfaces" not in said
    assert said["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert template.of("AWS::EC2::SecurityGroup") == template.of("AWS::EC2::SecurityGroupIngress") == {}
    (role,) = template.of("AWS::IAM::Role").values()
    (statement,) = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    actions = statement["Action"]
    assert {action.partition(":")[0] for action in actions} == {"ssm", "ssmmessages"}
    assert "ManagedPolicyArns" not in role["Properties"]
    assert len(said["SecurityGroupIds"]) == 1
    assert template.exports()["ShellInstanceId"] == "Shop-ShellStack-full-ShellInstanceId"


def test_a_stage_has_no_machine_unasked(dev: Stage) -> None:
    assert not any("Shell" in id for id in dev.stacks)
