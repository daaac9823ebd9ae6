"""Mistakes about functions."""

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import drop, find, function, put
from tests.cloud.gates.mutants.table import mistake


@mistake("Miyabi", "rule:keeps-secrets-out-of-the-environment")
def a_connection_string_in_the_environment(stacks: Stacks) -> None:
    url = "postgresql://miyabi_admin:hunter2hunter2@db.example:5432/miyabi?sslmode=require"
    put(function(stacks, "-api"), "Environment", "Variables", "DATABASE_URL", url)


@mistake("Miyabi", "rule:keeps-secrets-out-of-the-environment")
def jwt_secret_in_the_environment(stacks: Stacks) -> None:
    put(function(stacks, "-api"), "Environment", "Variables", "JWT_SECRET", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=")


@mistake("Miyabi", "rule:keeps-secrets-out-of-the-environment")
def a_password_in_a_variable_of_another_name(stacks: Stacks) -> None:
    url = "postgresql://app:hunter2hunter2@db.example:5432/bday"
    put(function(stacks, "-worker"), "Environment", "Variables", "WHERE", url)


@mistake("the field", "rule:keeps-secrets-out-of-the-environment")
def a_secret_resolved_into_the_environment(stacks: Stacks) -> None:
    value = "{{resolve:secretsmanager:bday/db-credentials:SecretString:password}}"
    put(function(stacks, "-worker"), "Environment", "Variables", "DB_PASS", value)


@mistake("Miyabi", "rule:logs-where-people-look")
def a_log_group_that_lambda_makes(stacks: Stacks) -> None:
    drop(function(stacks, "-worker"), "LoggingConfig", "LogGroup")


@mistake("Miyabi", "rule:log-lines-are-json")
def text_among_json(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "LoggingConfig", "LogFormat", "Text")


@mistake("Miyabi", "rule:traced", "nag:Serverless-LambdaTracing")
def no_tracing(stacks: Stacks) -> None:
    drop(function(stacks, "-worker"), "TracingConfig")


@mistake("BarkBase layer", "rule:runs-what-its-layers-hold")
def x86_with_layers_for_arm(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Architectures", ["x86_64"])


@mistake("BarkBase backend", "rule:runs-what-its-layers-hold", "cfn-lint:W2531")
def node_18(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Runtime", "nodejs18.x")


@mistake("Miyabi", "rule:reaches-its-database", "checkov:CKV_AWS_117")
def a_function_outside_the_network(stacks: Stacks) -> None:
    drop(function(stacks, "-worker"), "VpcConfig")


@mistake("Miyabi", "rule:functions-stand-behind-the-door")
def a_function_in_the_public_tier(stacks: Stacks) -> None:
    network = find(stacks, "EC2::VPC").stack
    public = find(stacks, "EC2::Subnet", "VpcpublicSubnet1").id
    stack = stacks.stacks[network]
    stack.template["Outputs"]["PublicSubnet"] = {"Value": {"Ref": public}}
    reference = {"StackName": stack.name, "OutputName": "PublicSubnet", "Region": stacks.settings.region}
    put(function(stacks, "-worker"), "VpcConfig", "SubnetIds", 0, {"Fn::GetStackOutput": reference})


@mistake("BarkBase backend", "rule:answers-before-the-api-gives-up")
def a_minute_behind_an_api_of_30_seconds(stacks: Stacks) -> None:
    put(function(stacks, "bday-api"), "Timeout", 60)


@mistake("the field", "rule:visible-after-six-runs", "cfn-lint:E3717")
def nine_hundred_and_one_seconds(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Timeout", 901)


@mistake("BarkBase layer", "rule:opens-a-secret-that-is-there")
def another_secrets_name(stacks: Stacks) -> None:
    put(function(stacks, "-healthcheck"), "Environment", "Variables", "DB_SECRET_NAME", "barkbase/postgres")
