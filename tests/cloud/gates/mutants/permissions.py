"""Mistakes about who may do what."""

from lamppost.cloud.rules.stacks import Stacks, listed
from tests.cloud.gates.editing import drop, find, function, put
from tests.cloud.gates.mutants.table import mistake

QUEUE = "SQS::Queue"


def _role(stacks: Stacks) -> list[dict[str, object]]:
    role = find(stacks, "IAM::Role", "WorkerFunctionRole")
    statements: list[dict[str, object]] = role.get("Policies")[0]["PolicyDocument"]["Statement"]
    return statements


@mistake("BarkBase layer", "rule:resources-are-named", "checkov:CKV_AWS_108")
def any_secret(stacks: Stacks) -> None:
    _role(stacks).append({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"})


@mistake("birthday", "rule:actions-are-named", "nag:AwsSolutions-IAM5")
def any_action(stacks: Stacks) -> None:
    queue = {"Fn::GetAtt": [find(stacks, QUEUE, "BdayMessagesQueue").id, "Arn"]}
    _role(stacks).append({"Effect": "Allow", "Action": "sqs:*", "Resource": queue})


@mistake("the field", "rule:interfaces-are-lambdas")
def code_that_may_make_interfaces(stacks: Stacks) -> None:
    statements = _role(stacks)
    statements[:] = [each for each in statements if each["Effect"] == "Allow"]


@mistake("the field", "rule:roles-trust-a-service", "checkov:CKV_AWS_60")
def a_role_for_anybody(stacks: Stacks) -> None:
    role = find(stacks, "IAM::Role", "WorkerFunctionRole")
    put(role, "AssumeRolePolicyDocument", "Statement", 0, "Principal", {"AWS": "*"})


@mistake("Miyabi", "rule:policies-are-our-own", "nag:AwsSolutions-IAM4")
def the_managed_policy(stacks: Stacks) -> None:
    put(
        find(stacks, "IAM::Role", "WorkerFunctionRole"),
        "ManagedPolicyArns",
        ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
    )


@mistake("the field", "rule:callers-are-named", "checkov:CKV_AWS_364")
def anybodys_api_may_call(stacks: Stacks) -> None:
    drop(find(stacks, "Lambda::Permission", "ApiCalled"), "SourceArn")


@mistake("monorepo", "rule:role-of-its-own")
def two_functions_with_one_role(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Role", function(stacks, "-scheduler").get("Role"))


@mistake("BarkBase layer", "rule:secrets-and-parameters-are-named-as-aws-does")
def a_secrets_arn_without_what_aws_adds(stacks: Stacks) -> None:
    secret = "arn:aws:secretsmanager:us-east-2:123456789012:secret:bday/db-credentials"
    _role(stacks).append({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret})


@mistake("birthday", "rule:secrets-and-parameters-are-named-as-aws-does")
def a_parameters_arn_with_two_slashes(stacks: Stacks) -> None:
    parameter = "arn:aws:ssm:us-east-2:123456789012:parameter//bday/webhook-url"
    _role(stacks).append({"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": parameter})


@mistake("BarkBase layer", "rule:roles-say-what-is-declared")
def half_of_what_reading_a_secret_takes(stacks: Stacks) -> None:
    for statement in _role(stacks):
        if "secretsmanager:DescribeSecret" in listed(statement["Action"]):
            statement["Action"] = "secretsmanager:GetSecretValue"


@mistake("birthday", "rule:roles-say-what-is-declared")
def a_worker_that_may_drop_the_queue(stacks: Stacks) -> None:
    queue = {"Fn::GetAtt": [find(stacks, "SQS::Queue", "BdayMessagesQueue").id, "Arn"]}
    _role(stacks).append({"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": queue})
