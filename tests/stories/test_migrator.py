"""The migrator as CloudFormation and people call it, in a running system."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lamppost.cli.migrate import job_stage
from lamppost.errors import OperatorError
from lamppost.migrate import ledger, remote
from lamppost.pack.discover import discover
from tests.running import ROOT, House

ID = "migrator"
SECRET = "barkbase/dev/postgres/credentials"
SIGNING = "bday/dev/webhook-signing"


def invoke(house: House, event: dict[str, Any]) -> tuple[bool, Any]:
    """Whether the function succeeded, and its answer."""
    client = boto3.client(
        "lambda",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    answer = client.invoke(FunctionName="migrator-dev", Payload=json.dumps(event))
    return "FunctionError" not in answer, json.loads(answer["Payload"].read())


def request(kind: str, digest: str | None) -> dict[str, Any]:
    """What CDK's Provider hands on."""
    return {
        "RequestType": kind,
        "StackId": "arn:aws:cloudformation:us-east-2:000000000000:stack/s/1",
        "RequestId": "1",
        "LogicalResourceId": "RunMigrations",
        "ResourceType": "Custom::Migrations",
        "ResourceProperties": {"ServiceToken": "arn"} | ({"digest": digest} if digest else {}),
    }


@pytest.fixture
def digest(house: House) -> str:
    done, told = invoke(house, {"action": "status"})
    assert done
    return str(told["digest"])


def test_a_create_brings_every_database_up_to_date_and_says_how_far(house: House, digest: str) -> None:
    done, told = invoke(house, request("Create", digest))
    assert done
    assert told["PhysicalResourceId"] == ID
    assert told["Data"]["digest"] == digest
    assert told["Data"]["head"].endswith(".sql")
    assert all(isinstance(value, str) for value in told["Data"].values())
    assert len(json.dumps(told)) < 4096


def test_the_update_back_to_a_release_that_was_here_succeeds_with_any_package(
    house: House, digest: str
) -> None:
    invoke(house, request("Create", digest))
    for name in discover(ROOT).databases():
        with house.database(name) as db:
            db.execute("insert into public.schema_rollouts (digest) values ('of the release before')")
    done, told = invoke(house, request("Update", "of the release before"))
    assert done
    assert (told["PhysicalResourceId"], told["Data"]["count"]) == (ID, "0")


def test_a_package_of_another_release_fails_and_changes_nothing(house: House, digest: str) -> None:
    done, told = invoke(house, request("Update", "0" * 64))
    assert not done
    assert "this package carries " + digest[:12] in told["errorMessage"]
    assert "fix:" in told["errorMessage"]


def test_a_delete_leaves_the_databases_alone(house: House, digest: str) -> None:
    before = invoke(house, {"action": "status"})
    assert invoke(house, request("Delete", digest)) == (True, {"PhysicalResourceId": ID})
    assert invoke(house, {"action": "status"}) == before


@pytest.mark.parametrize(
    "event",
    [
        request("Create", None),
        request("Destroy", "x"),
        {"RequestType": "Update"},
        {"RequestType": "Update", "ResourceProperties": None},
        {"RequestType": "Update", "ResourceProperties": {"digest": ["x"]}},
        {"RequestType": "Update", "ResourceProperties": {"digest": ""}},
        {"RequestType": "Update", "ResourceProperties": {"digest": "x", "soakHours": "soon"}},
        {"RequestType": "Update", "ResourceProperties": {"digest": "x", "soakHours": "-1"}},
        {"RequestType": "Update", "ResourceProperties": {"digest": "x", "live": "birthday"}},
        {"RequestType": "Update", "ResourceProperties": {"digest": "x", "live": {"moon": "x.sql"}}},
        {"RequestType": ["Update"]},
        {"action": "drop"},
        {"action": None},
    ],
)
def test_an_event_that_says_nothing_we_know_is_refused_with_a_sentence(
    house: House, event: dict[str, Any]
) -> None:
    done, told = invoke(house, event)
    assert not done
    assert told["errorType"] == "AuthorError"
    assert "fix:" in told["errorMessage"]


def test_a_person_asks_how_far_the_databases_are(house: House, digest: str) -> None:
    told = house.run("invoke", "migrator-dev")["payload"]
    assert told["digest"] == digest
    assert set(told["head"]) == set(discover(ROOT).databases())


def test_another_stages_ledgers_are_read_through_its_migrator(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": house.running["aws"],
        "AWS_REGION": "us-east-2",
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }.items():
        monkeypatch.setenv(name, value)
    told = remote.ledger("dev")
    with house.database("bday") as db:
        assert told["bday"] == ledger.read(db)
    with pytest.raises(OperatorError) as refused:
        remote.ledger("moon")
    assert refused.value.code == "stage_unreachable"
    assert "not deployed" in refused.value.what


def test_the_resource_behind_the_services_notes_that_their_code_is_live(house: House, digest: str) -> None:
    event = request("Create", digest)
    event["ResourceProperties"]["live"] = {"birthday": "2025-11-01T0910__birthday__chunks.sql"}
    done, told = invoke(house, event)
    assert done
    assert told["Data"]["digest"] == digest
    with house.database("bday") as db:
        rows = db.execute("select service, head from public.schema_releases").fetchall()
    assert rows == [("birthday", "2025-11-01T0910__birthday__chunks.sql")]


def test_a_person_lists_jobs_and_the_state_machine_finds_none_to_run(house: House) -> None:
    done, told = invoke(house, {"action": "jobs"})
    assert done
    assert set(told["databases"]) == set(discover(ROOT).databases())
    assert all(job["state"] == "done" for jobs in told["databases"].values() for job in jobs)
    assert invoke(house, {"action": "job", "input": {}}) == (
        True,
        {"next": "end", "state": "done", "job": None, "rows_done": 0},
    )


@pytest.mark.parametrize(
    "event",
    [
        {"action": "job", "input": {"job": "2025-01-01T0000__moon__paint.sql"}},
        {"action": "job", "input": {"job": 7}},
        {"action": "job", "input": {"jobs": "all"}},
        {"action": "job", "input": "all"},
        {"action": "pause"},
        {"action": "resume", "job": "2025-01-01T0000__moon__paint.sql"},
    ],
)
def test_a_job_that_is_not_there_is_refused_at_once(house: House, event: dict[str, Any]) -> None:
    done, told = invoke(house, event)
    assert not done
    # The state machine tries an OperatorError again; nothing would come of it here.
    assert told["errorType"] == "AuthorError"
    assert "fix:" in told["errorMessage"]


def test_jobs_of_another_stage_are_listed_through_its_migrator(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": house.running["aws"],
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }.items():
        monkeypatch.setenv(name, value)
    # In the stage's own region, whatever this machine's is.
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.chdir(ROOT)
    with pytest.raises(OperatorError) as refused:
        job_stage.start("dev", "moon", resume=False)
    assert refused.value.code == "job_unknown"
    assert set(job_stage.jobs("dev")) == set(discover(ROOT).databases())


def test_a_password_is_changed_as_on_aws_and_functions_go_on(house: House) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=house.running["aws"],
            region_name="us-east-2",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def password(label: str) -> str:
        told = secrets.get_secret_value(SecretId=SECRET, VersionStage=label)["SecretString"]
        return str(json.loads(told)["password"])

    def healthy() -> bool:
        answer = client("lambda").invoke(FunctionName="barkbase-dev-db-healthcheck", Payload=b"{}")
        return bool(json.loads(answer["Payload"].read())["statusCode"] == 200)

    secrets = client("secretsmanager")
    before = password("AWSCURRENT")
    assert healthy()
    done = secrets.rotate_secret(SecretId=SECRET)
    assert done["Name"] == SECRET
    assert password("AWSPREVIOUS") == before != password("AWSCURRENT")
    assert healthy()


def test_the_migrator_may_not_touch_a_secret_that_opens_no_database(house: House) -> None:
    secrets = boto3.client(
        "secretsmanager",
        endpoint_url=house.running["aws"],
        region_name="us-east-2",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    before = secrets.get_secret_value(SecretId=SIGNING)["SecretString"]
    with pytest.raises(ClientError, match="not authorized to perform: secretsmanager:DescribeSecret"):
        secrets.rotate_secret(SecretId=SIGNING)
    assert secrets.get_secret_value(SecretId=SIGNING)["SecretString"] == before
