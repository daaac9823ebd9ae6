"""Stacks, outputs, exports, functions, queues and secrets by the names that people have written down."""

from tests.cloud.conftest import Stage, Synthesised


def test_stacks_have_the_names_that_people_deploy_by(dev: Stage, prod: Stage) -> None:
    platform = ("Network", "Database", "SharedResources", "Migrations", "BackendServices", "Identity", "Jobs")
    platform += ("Monitoring", "Edge")
    assert dev.names == {
        **{f"Barkbase-{name}Stack-dev": f"Barkbase-{name}Stack-dev" for name in platform},
        "ApiStack-dev": "ApiStack-dev",
        # `cdk deploy BdayInfraStack` works as typed, in every stage, and two stages fit one account.
        "BdayInfraStack": "BdayInfraStack-dev",
    }
    assert prod.names["BdayInfraStack"] == "BdayInfraStack"


def test_every_export_is_named_by_its_stack_and_its_key(stage: Stage) -> None:
    for id, template in stage.stacks.items():
        name = stage.names[id]
        assert template.exports() == {key: f"{name}-{key}" for key in template.exports()}


def test_the_exports_that_the_documents_name_are_there(dev: Stage) -> None:
    assert "DbLayerArn" in dev["Barkbase-SharedResourcesStack-dev"].exports()
    assert {"DbHealthcheckFunctionArn", "DbHealthcheckFunctionName"} <= dev[
        "Barkbase-BackendServicesStack-dev"
    ].exports().keys()
    assert {"VpcId", "AppSecurityGroupId", "DbSecurityGroupId"} == dev[
        "Barkbase-NetworkStack-dev"
    ].exports().keys()
    assert {"DbEndpoint", "DbHost"} <= dev["Barkbase-DatabaseStack-dev"].exports().keys()
    assert "MigrationHead" in dev["Barkbase-MigrationsStack-dev"].exports()
    assert "ApiEndpoint" in dev["BdayInfraStack"].exports()
    assert {"UsersApiEndpoint", "OrdersApiEndpoint"} <= dev["ApiStack-dev"].exports().keys()


def test_functions_have_the_seeds_names(dev: Stage, prod: Stage) -> None:
    def functions(stage: Stage) -> set[str]:
        found = stage.resources("AWS::Lambda::Function")
        return {each["Properties"]["FunctionName"] for each in found if "FunctionName" in each["Properties"]}

    assert functions(dev) >= {
        "barkbase-dev-db-healthcheck", "bday-dev-scheduler", "bday-dev-worker", "bday-dev-api",
        "users-dev", "orders-dev", "migrator-dev",
    }  # fmt: skip
    assert functions(prod) >= {"bday-scheduler", "bday-worker", "bday-api", "barkbase-prod-db-healthcheck"}


def test_queues_secrets_and_apis_have_the_seeds_names(prod: Stage, dev: Stage) -> None:
    queues = {each["Properties"]["QueueName"] for each in prod.resources("AWS::SQS::Queue")}
    secrets = {each["Properties"]["Name"] for each in prod.resources("AWS::SecretsManager::Secret")}
    apis = {each["Properties"]["Name"] for each in dev.resources("AWS::ApiGatewayV2::Api")}

    assert {"bday-messages", "bday-messages-dlq"} <= queues
    assert {"barkbase/prod/postgres/credentials", "bday/db-credentials"} <= secrets
    assert apis == {"bday-dev-api", "app-dev-users", "app-dev-orders"}


def test_no_two_stages_share_a_name(synthesised: Synthesised) -> None:
    """All of them fit one account and region."""
    keys = ("FunctionName", "QueueName", "LogGroupName", "DBInstanceIdentifier", "BucketName", "Name")
    kinds = (
        "Lambda::Function",
        "SQS::Queue",
        "Logs::LogGroup",
        "RDS::DBInstance",
        "S3::Bucket",
        "Scheduler::Schedule",
    )
    kinds += ("SecretsManager::Secret", "ApiGatewayV2::Api")
    seen: dict[str, str] = {}
    for env, stage in synthesised.stages.items():
        for kind in kinds:
            for each in stage.resources(f"AWS::{kind}"):
                for name in (each["Properties"][key] for key in keys if key in each["Properties"]):
                    assert seen.setdefault(f"{kind} {name}", env) == env
    assert len(seen) > 100


def test_every_function_logs_where_people_look_for_it(stage: Stage) -> None:
    groups = {each["Properties"]["LogGroupName"] for each in stage.resources("AWS::Logs::LogGroup")}
    for function in stage.resources("AWS::Lambda::Function"):
        if "FunctionName" in function["Properties"]:
            assert f"/aws/lambda/{function['Properties']['FunctionName']}" in groups
