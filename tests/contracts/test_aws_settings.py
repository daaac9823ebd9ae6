"""Parameter Store, Secrets Manager and the extension, driven by boto3 and plain HTTP."""

import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from botocore.exceptions import ClientError

from tests.contracts.aws_house import FUNCTION_KEY, SESSION, AwsHouse

NAME = "/bday/webhook-url"
DEV_NAME = "/bday/dev/webhook-url"


@pytest.fixture
def ssm(aws_house: AwsHouse) -> Any:
    return aws_house.client("ssm")


@pytest.fixture
def secrets(aws_house: AwsHouse) -> Any:
    return aws_house.client("secretsmanager")


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# --- parameters


def test_a_parameter_put_under_one_name_is_read_under_each(ssm: Any) -> None:
    made = ssm.put_parameter(Name=NAME, Value="https://example.org/x?y=1", Type="String")
    assert made["Version"] == 1
    for name in (NAME, DEV_NAME, "arn:aws:ssm:eu-west-1:000000000000:parameter/bday/webhook-url"):
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "https://example.org/x?y=1"
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Name"] == NAME


def test_a_parameter_is_replaced_only_when_asked_to(ssm: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="one", Type="String")
    with pytest.raises(ClientError) as exists:
        ssm.put_parameter(Name=NAME, Value="two", Type="String")
    assert code_of(exists) == "ParameterAlreadyExists"
    assert ssm.put_parameter(Name=NAME, Value="two", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name=f"{NAME}:1")["Parameter"]["Value"] == "one"
    with pytest.raises(ClientError) as gone:
        ssm.get_parameter(Name=f"{NAME}:7")
    assert code_of(gone) == "ParameterVersionNotFound"


def test_a_missing_parameter_is_told(ssm: Any) -> None:
    with pytest.raises(ClientError) as missing:
        ssm.get_parameter(Name=NAME)
    assert code_of(missing) == "ParameterNotFound"
    assert ssm.get_parameters(Names=[NAME])["InvalidParameters"] == [NAME]


def test_a_secure_string_without_decryption_does_not_show_its_value(ssm: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="hidden", Type="SecureString")
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Value"] != "hidden"
    assert ssm.get_parameter(Name=NAME, WithDecryption=True)["Parameter"]["Value"] == "hidden"


@pytest.mark.parametrize(
    "given",
    [
        {"Name": "/aws/mine", "Value": "x"},
        {"Name": "no slash/first", "Value": "x"},
        {"Name": "a/b", "Value": "x"},
        {"Name": "/a", "Value": "x" * 4097},
        {"Name": "/a", "Value": "{{ssm:b}}"},
    ],
    ids=["aws prefix", "space", "not qualified", "too long", "nested"],
)
def test_a_parameter_that_aws_refuses_is_refused(ssm: Any, given: dict[str, str]) -> None:
    with pytest.raises(ClientError) as refused:
        ssm.put_parameter(Type="String", **given)
    assert code_of(refused) == "ValidationException"


def test_parameters_are_listed_by_path_and_page(ssm: Any) -> None:
    for number in range(12):
        ssm.put_parameter(Name=f"/shop/{number:02d}", Value=str(number), Type="String")
    ssm.put_parameter(Name="/shop/deep/er", Value="x", Type="String")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/shop")
    assert len([p for page in pages for p in page["Parameters"]]) == 12
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/shop", Recursive=True)
    assert len([p for page in pages for p in page["Parameters"]]) == 13
    described = ssm.describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/shop/deep"]}]
    )
    assert [p["Name"] for p in described["Parameters"]] == ["/shop/deep/er"]
    assert ssm.delete_parameters(Names=["/shop/00", "/nope"])["InvalidParameters"] == ["/nope"]


def test_settings_are_readable_by_their_owner_only(ssm: Any, secrets: Any, tmp_path: Path) -> None:
    ssm.put_parameter(Name=NAME, Value="x", Type="String")
    secrets.create_secret(Name="bday/db-credentials", SecretString="{}")
    for name in ("parameters.json", "secrets.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


# --- secrets


def test_a_secret_answers_to_its_names_its_arn_and_its_partial_arn(secrets: Any) -> None:
    arn = secrets.create_secret(Name="bday/db-credentials", SecretString='{"username":"bday_app"}')["ARN"]
    for identifier in ("bday/db-credentials", "bday/dev/db-credentials", arn, arn[:-7]):
        assert "bday_app" in secrets.get_secret_value(SecretId=identifier)["SecretString"]


def test_a_new_value_leaves_the_old_one_as_the_previous(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="one")
    secrets.put_secret_value(SecretId="s", SecretString="two")
    secrets.update_secret(SecretId="s", SecretString="three")
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "three"
    previous = secrets.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")
    assert (previous["SecretString"], previous["VersionStages"]) == ("two", ["AWSPREVIOUS"])
    labels = sorted(
        v for stages in secrets.describe_secret(SecretId="s")["VersionIdsToStages"].values() for v in stages
    )
    assert labels == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_repeated_put_is_one_version_and_another_value_under_its_token_is_refused(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="one")
    token = "a" * 32
    for _ in range(2):
        assert (
            secrets.put_secret_value(SecretId="s", SecretString="two", ClientRequestToken=token)["VersionId"]
            == token
        )
    previous = secrets.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "one"
    with pytest.raises(ClientError) as other:
        secrets.put_secret_value(SecretId="s", SecretString="three", ClientRequestToken=token)
    assert code_of(other) == "ResourceExistsException"


def test_a_binary_secret_stays_binary(secrets: Any) -> None:
    secrets.create_secret(Name="b", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="b")["SecretBinary"] == b"\x00\xff"


def test_a_deleted_secret_can_be_restored_until_it_is_forgotten(secrets: Any) -> None:
    secrets.create_secret(Name="s", SecretString="one")
    secrets.delete_secret(SecretId="s")
    with pytest.raises(ClientError) as marked:
        secrets.get_secret_value(SecretId="s")
    assert code_of(marked) == "InvalidRequestException"
    assert secrets.list_secrets()["SecretList"] == []
    secrets.restore_secret(SecretId="s")
    secrets.delete_secret(SecretId="s", ForceDeleteWithoutRecovery=True)
    with pytest.raises(ClientError) as gone:
        secrets.get_secret_value(SecretId="s")
    assert code_of(gone) == "ResourceNotFoundException"


def test_a_function_reads_its_own_secret_and_no_other(aws_house: AwsHouse, secrets: Any) -> None:
    mine = aws_house.client("secretsmanager", key=FUNCTION_KEY)
    arn = secrets.create_secret(Name="bday/db-credentials", SecretString="{}")["ARN"]
    assert mine.get_secret_value(SecretId=arn)["SecretString"] == "{}"
    secrets.create_secret(Name="miyabi/jwt-secret", SecretString="x")
    with pytest.raises(ClientError) as refused:
        mine.get_secret_value(SecretId="miyabi/jwt-secret")
    assert code_of(refused) == "AccessDeniedException"


# --- the extension


def ask(house: AwsHouse, path: str, token: str | None = SESSION) -> tuple[int, Any]:
    request = urllib.request.Request(house.extension_url + path)
    if token is not None:
        request.add_header("X-Aws-Parameters-Secrets-Token", token)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def test_the_extension_answers_with_the_apis_own_json(aws_house: AwsHouse, ssm: Any, secrets: Any) -> None:
    ssm.put_parameter(Name=NAME, Value="http://inbox", Type="SecureString")
    secrets.create_secret(Name="bday/db-credentials", SecretString="{}")
    path = f"/systemsmanager/parameters/get?name={quote(NAME, safe='')}&withDecryption=true"
    status, answer = ask(aws_house, path)
    assert (status, answer["Parameter"]["Value"]) == (200, "http://inbox")
    status, answer = ask(aws_house, f"{path}&version=1")
    assert (status, answer["Parameter"]["Version"]) == (200, 1)
    status, answer = ask(aws_house, "/secretsmanager/get?secretId=bday%2Fdb-credentials")
    assert (status, answer["SecretString"]) == (200, "{}")


def test_the_extension_refuses_strangers_and_what_was_not_granted(aws_house: AwsHouse, secrets: Any) -> None:
    secrets.create_secret(Name="miyabi/jwt-secret", SecretString="x")
    path = "/secretsmanager/get?secretId=miyabi%2Fjwt-secret"
    assert ask(aws_house, path, None)[0] == 401
    assert ask(aws_house, path, "guess")[0] == 401
    status, body = ask(aws_house, path)
    assert status == 400
    assert b"AccessDeniedException" in body
    assert b'"x"' not in body
