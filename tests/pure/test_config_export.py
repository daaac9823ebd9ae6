"""`lamppost config export`: what things are called, and never a secret."""

import json
import shlex
from pathlib import Path

import pytest

from lamppost.cli.commands import run
from lamppost.derive.addresses import Api, Stage, addresses, variables
from lamppost.pack.discover import discover
from tests.running import ROOT

ACCOUNT = "123456789012"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with this one's services and stages, and outputs of its own."""
    (tmp_path / "services").symlink_to(ROOT / "services")
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "stages.toml").symlink_to(ROOT / "infra" / "stages.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["config", "export", *arguments]) == 0
    return capsys.readouterr().out


def test_a_stage_is_known_before_it_is_deployed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names need no account; without one there is no ARN, and no address that AWS makes up."""
    found = json.loads(exported(capsys, "--stage", "dev", "--format", "json"))
    assert found["queues"]["bday-messages"] == {
        "name": "bday-dev-messages",
        "dead_letters": "bday-dev-messages-dlq",
    }
    assert found["functions"]["birthday.worker"]["log_group"] == "/aws/lambda/bday-dev-worker"
    assert found["apis"]["birthday"] == {"name": "bday-dev-api", "url": None}
    assert found["account"] is None


def test_what_a_deployment_left_is_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The addresses of APIs and database, and the account, which every ARN then has."""
    (root / "infra" / "outputs").mkdir()
    outputs = {
        "BdayInfraStack": {
            "ApiEndpoint": "https://abc.execute-api.us-east-2.amazonaws.com",
            "WorkerFunctionArn": f"arn:aws:lambda:us-east-2:{ACCOUNT}:function:bday-worker",
        },
        "ApiStack-prod": {"UsersApiEndpoint": "https://users", "OrdersApiEndpoint": "https://orders"},
        "Barkbase-DatabaseStack-prod": {"DbHost": "db.example"},
    }
    (root / "infra" / "outputs" / "prod.json").write_text(json.dumps(outputs))

    lines = exported(capsys, "--stage", "prod").splitlines()
    said = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    assert said["API_BIRTHDAY_URL"] == "https://abc.execute-api.us-east-2.amazonaws.com"
    assert (said["API_USERS_URL"], said["API_ORDERS_URL"]) == ("https://users", "https://orders")
    assert said["QUEUE_BDAY_MESSAGES_URL"] == f"https://sqs.us-east-2.amazonaws.com/{ACCOUNT}/bday-messages"
    assert said["FUNCTION_BIRTHDAY_WORKER_ARN"] == f"arn:aws:lambda:us-east-2:{ACCOUNT}:function:bday-worker"
    assert said["BUCKET_ORDERS_FILES"] == f"orders-files-{ACCOUNT}"
    assert said["DATABASE_BDAY_HOST"] == "db.example"
    assert said["SECRET_BDAY_DB_CREDENTIALS"] == "bday/db-credentials"


def test_one_machine_answers_for_aws() -> None:
    """Locally the queue's URL leads to the machine's own port, and so does every AWS client."""
    place = Stage("local", "dev", "us-east-2", "000000000000", "http://127.0.0.1:8001")
    found = addresses(discover(ROOT), place, {"birthday": Api("birthday", "http://127.0.0.1:8000/birthday")})
    said = variables(found)
    assert said["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8001"
    assert said["QUEUE_BDAY_MESSAGES_URL"] == "http://127.0.0.1:8001/000000000000/bday-dev-messages"
    assert said["API_BIRTHDAY_URL"] == "http://127.0.0.1:8000/birthday"


def test_two_things_never_share_a_variable() -> None:
    """One for each name, ARN and URL of every group."""
    found = addresses(discover(ROOT), Stage("prod", "prod", "us-east-2", ACCOUNT), {})
    groups = (found.functions, found.queues, found.buckets, found.parameters, found.secrets)
    expected = sum(len({"name", "arn", "url"} & set(each)) for group in groups for each in group.values())
    named = [
        name
        for name in variables(found)
        if name.partition("_")[0] in ("FUNCTION", "QUEUE", "BUCKET", "PARAMETER", "SECRET")
    ]
    assert len(named) == expected


def test_nothing_that_runs_is_no_stage(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "export", "--data", str(tmp_path / "none")]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "not_running"
    assert run(["config", "export", "--stage", "prd"]) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "stages_invalid"
