"""IAM: what each declaration says stands in its role. That nothing else does, the rules look for."""

import json
from collections.abc import Iterator
from typing import Any

from lamppost.cloud.rules.permissions import EVERYWHERE
from tests.cloud.conftest import Stage


def statements(stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role of ours, with the role's id."""
    for template in stage.stacks.values():
        for id, role in template.of("AWS::IAM::Role").items():
            for policy in role["Properties"].get("Policies", ()):
                if isinstance(policy["PolicyDocument"]["Statement"], list):
                    for each in policy["PolicyDocument"]["Statement"]:
                        yield id, each
        for id, policy in template.of("AWS::IAM::Policy").items():
            for each in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield id, each


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def flat(resource: Any) -> str:
    """An ARN with its unknown parts as {}."""
    if isinstance(resource, str):
        return resource
    if "Fn::Join" in resource:
        return "".join(part if isinstance(part, str) else "{}" for part in resource["Fn::Join"][1])
    return "{}"


def allowed(stage: Stage, stack: str, role: str) -> dict[str, set[str]]:
    """Action to resources of the role whose id begins so."""
    (found,) = [
        each["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for id, each in stage[stack].of("AWS::IAM::Role").items()
        if id.startswith(role)
    ]
    actions: dict[str, set[str]] = {}
    for statement in found:
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                actions.setdefault(action, set()).update(map(flat, listed(statement["Resource"])))
    return actions


def test_the_code_of_a_function_cannot_use_lambdas_rights_over_interfaces(dev: Stage) -> None:
    found = [
        (statement["Effect"], *statement["Condition"]["ArnEquals"])
        for _, statement in statements(dev)
        if statement.get("Sid") == "InterfacesAreLambdas"
    ]
    assert len(found) >= 7
    assert set(found) == {("Deny", "lambda:SourceFunctionArn")}


def test_no_two_functions_share_a_role(stage: Stage) -> None:
    for template in stage.stacks.values():
        roles = [
            json.dumps(each["Properties"]["Role"]) for each in template.of("AWS::Lambda::Function").values()
        ]
        assert len(set(roles)) == len(roles)


def test_the_worker_may_do_what_it_declares_and_nothing_else(prod: Stage) -> None:
    common = set(EVERYWHERE) | {"logs:CreateLogStream", "logs:PutLogEvents"}
    found = allowed(prod, "BdayInfraStack", "WorkerFunctionRole")
    place = "us-east-2:{}"
    queue = f"arn:aws:sqs:{place}:bday-messages"
    secret = f"arn:aws:secretsmanager:{place}:secret:bday"
    secrets = {f"{secret}/db-credentials-??????", f"{secret}/webhook-signing-??????"}
    url = {f"arn:aws:ssm:{place}:parameter/bday/webhook-url"}

    assert {action: at for action, at in found.items() if action not in common} == {
        "secretsmanager:GetSecretValue": secrets,
        "secretsmanager:DescribeSecret": secrets,
        "ssm:GetParameter": url,
        "ssm:GetParameters": url,
        "sqs:SendMessage": {queue, f"{queue}-dlq"},
        "sqs:GetQueueUrl": {queue, f"{queue}-dlq"},
        "sqs:GetQueueAttributes": {queue, f"{queue}-dlq"},
        "sqs:ReceiveMessage": {queue},
        "sqs:DeleteMessage": {queue},
        "sqs:ChangeMessageVisibility": {queue},
    }


def test_both_actions_on_its_secret_and_no_other_secret_for_the_health_check(dev: Stage) -> None:
    found = allowed(dev, "Barkbase-BackendServicesStack-dev", "DbHealthcheckFunctionRole")
    secret = {"arn:aws:secretsmanager:us-east-2:{}:secret:barkbase/dev/postgres/credentials-??????"}
    assert found["secretsmanager:GetSecretValue"] == found["secretsmanager:DescribeSecret"] == secret


def test_only_the_migrator_opens_the_administrators_secret(stage: Stage) -> None:
    database = stage[f"Barkbase-DatabaseStack-{stage.env}"].body["Outputs"]
    (administrator,) = [key for key in database if "MasterUserSecret" in key]
    using = [id for id, template in stage.stacks.items() if administrator in json.dumps(template.body)]
    assert using == [f"Barkbase-DatabaseStack-{stage.env}", f"Barkbase-MigrationsStack-{stage.env}"]


def test_files_are_reached_in_their_folder_only(prod: Stage) -> None:
    found = allowed(prod, "ApiStack-prod", "OrdersApiFunctionRole")
    bucket = "arn:aws:s3:::orders-files-{}"
    assert found["s3:DeleteObject"] == {f"{bucket}/attachments/*"}
    assert found["s3:PutObject"] == {f"{bucket}/attachments/*", f"{bucket}/lamppost-answers/*"}
    assert "s3:DeleteObject" not in allowed(prod, "ApiStack-prod", "UsersApiFunctionRole")
