"""What ministack 1.5.33 cannot do, each with a probe. A red test here is good news: a gap has closed.

Then take its probe away, and what stands in for it in stand_ins.py. What a stand-in stood in for, no run of
the acceptance has checked: our own gateway, runner and templates have tests for each of it.
"""

import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.account import Account, asked_for
from tests.acceptance.conftest import Assemblies
from tests.ministack import Ministack

# Types of our templates that CloudFormation does not know there: taken note of, with no behaviour.
UNKNOWN = {
    "AWS::EC2::FlowLog": "the log of refused packets",
    "AWS::EC2::Instance": "the NAT instance: functions reach this machine's network as it is",
}
NOTHING = "def handle(event, context):\n    return {}\n"


def test_the_types_it_does_not_know_are_these_and_no_others(account: Account, stacks: Assemblies) -> None:
    told = account.notes()[0]
    assert sorted(told["unknown"]) == sorted(UNKNOWN), "say what no run checks, or drop what it knows now"
    assert told["images"], "it knows the image of the NAT instance now: take IMAGES out of stand_ins.py"
    assert set(UNKNOWN) <= set(asked_for(stacks["first"]))


def test_its_database_instance_is_no_server_and_has_no_administrators_secret(account: Account) -> None:
    [instance] = [note for note in account.notes() if note.get("type") == "AWS::RDS::DBInstance"]
    assert "MasterUserSecret.SecretArn" not in instance["had"]


def test_each_stand_in_is_needed(account: Account) -> None:
    account.invoke("bday-dev-worker", {"Records": []})
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName="migrator-dev-failures")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    # A token with a key's name, so that somebody looks for the key.
    account.ask("app-dev-users", "GET", "/profile", token="eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AA")
    assert {note["lacks"] for note in account.notes() if "lacks" in note} == {
        "Cognito's keys by TLS",
        "Lambda's processor",
        "a server",
        "batches as the single call's action",
        "metric math",
        "one folder for all layers",
        "secrets without punctuation",
    }


# --- probes of an emulator without stand-ins


@pytest.fixture(scope="module")
def made(ministack: Ministack) -> Iterator[Any]:
    """Makes functions and forgets them afterwards."""
    lambdas = ministack.client("lambda")
    names: list[str] = []

    def make(name: str, source: str, **more: Any) -> str:
        lambdas.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handle",
            Role="arn:aws:iam::000000000000:role/any",
            Code={"ZipFile": zipped({"index.py": source})},
            **more,
        )
        names.append(name)
        return name

    yield make
    for name in names:
        lambdas.delete_function(FunctionName=name)


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def answer(ministack: Ministack, name: str, event: Any = None) -> Any:
    said = ministack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event or {}).encode())
    return json.loads(said["Payload"].read())


def test_layers_lie_in_folders_of_their_own(ministack: Ministack, made: Any) -> None:
    publish = ministack.client("lambda").publish_layer_version
    halves = [
        publish(LayerName=f"half-{name}", Content={"ZipFile": zipped(files)})["LayerVersionArn"]
        for name, files in (
            ("a", {"python/whole/__init__.py": "", "python/whole/a.py": ""}),
            ("b", {"python/whole/b.py": ""}),
        )
    ]
    name = made("halves", f"import whole.a\nimport whole.b\n{NOTHING}", Layers=halves)
    assert "No module named 'whole" in str(answer(ministack, name)), "merge_layers() is not needed any more"


def test_a_generated_secret_has_punctuation_whatever_its_template_says(ministack: Ministack) -> None:
    asked = {"ExcludePunctuation": True, "PasswordLength": 200}
    create(ministack, "punctuated", {"Type": "AWS::SecretsManager::Secret", "Properties": {
        "Name": "punctuated", "GenerateSecretString": asked}})  # fmt: skip
    value = ministack.client("secretsmanager").get_secret_value(SecretId="punctuated")["SecretString"]
    assert not value.isalnum(), "leave_out_punctuation() is not needed any more"


def test_a_python_is_the_emulators_own_whatever_the_function_asks_for(
    ministack: Ministack, made: Any
) -> None:
    told = "platform.python_version(), platform.machine()"
    source = f"import platform\ndef handle(event, context):\n    return [{told}]\n"
    name = made("which", source, Architectures=["arm64"])
    version, machine = answer(ministack, name)
    assert not (version.startswith("3.13.") and machine == "aarch64"), (
        "exchange_libraries() is not needed any more"
    )


def test_an_error_has_the_name_of_no_error_and_no_stack(ministack: Ministack, made: Any) -> None:
    name = made("boom", "def handle(event, context):\n    raise KeyError('x')\n")
    told = answer(ministack, name)
    assert told["errorType"] == "Runtime.HandlerError"
    assert "stackTrace" not in told


def test_a_health_check_is_answered_by_the_emulator_itself(account: Account) -> None:
    said = account.ask("app-dev-users", "GET", "/health")
    assert "x-trace-id" not in said.headers, "ask users, orders and birthday for their /health from now on"


def test_the_function_behind_a_request_for_a_network_interface_is_not_known(account: Account) -> None:
    account.invoke("barkbase-dev-db-healthcheck", {})
    mine = account.emulator.client("ec2", **account.credentials("barkbase-dev-db-healthcheck"))
    # Our roles deny this to the code of a function: the right is Lambda's own.
    mine.describe_network_interfaces()


def test_an_error_of_a_function_is_told_to_the_caller(ministack: Ministack, made: Any) -> None:
    name = made("telling", "def handle(event, context):\n    raise KeyError('secret')\n")
    gateway = ministack.client("apigatewayv2")
    api = gateway.create_api(Name="telling", ProtocolType="HTTP")
    behind = gateway.create_integration(
        ApiId=api["ApiId"],
        IntegrationType="AWS_PROXY",
        IntegrationUri=_arn(ministack, name),
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{behind['IntegrationId']}"
    gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /", Target=target)
    gateway.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    connection = http.client.HTTPConnection(ministack.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/", headers={"host": api["ApiEndpoint"].partition("://")[2]})
    said = connection.getresponse()
    told = said.read()
    connection.close()
    # API Gateway says 500 and "Internal Server Error".
    assert said.status == 502
    assert b"secret" in told


def _arn(ministack: Ministack, name: str) -> str:
    found = ministack.client("lambda").get_function_configuration(FunctionName=name)
    return str(found["FunctionArn"])


def create(ministack: Ministack, stack: str, resource: dict[str, Any]) -> None:
    formation = ministack.client("cloudformation")
    try:
        formation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"It": resource}}))
    except ClientError as refused:
        raise AssertionError(refused) from refused
    formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
