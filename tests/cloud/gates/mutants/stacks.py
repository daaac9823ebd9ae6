"""Mistakes about stacks as a whole, and changes that would lose what people have."""

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import add, drop, find, function, put, remove, rename, replace
from tests.cloud.gates.mutants.table import mistake

API = "ApiStack-prod"
BIRTHDAY = "BdayInfraStack"
MIGRATIONS = "Barkbase-MigrationsStack-prod"
# The account and the region of a seed's report: neither is ours.
FOREIGN = "arn:aws:secretsmanager:us-east-1:211234825975:secret:jwt"


@mistake("monorepo", "rule:tables-come-first")
def code_before_its_tables(stacks: Stacks) -> None:
    replace(stacks, API, waits=frozenset())


@mistake("monorepo", "rule:live-is-noted-behind-the-code")
def live_before_the_code(stacks: Stacks) -> None:
    del stacks.stacks[API].template["Resources"]["CodeIsLive"]["DependsOn"]


@mistake("monorepo", "rule:custom-resources-give-up")
def an_hour_of_waiting_for_a_crashed_migrator(stacks: Stacks) -> None:
    del stacks.stacks[MIGRATIONS].template["Resources"]["RunMigrations"]["Properties"]["ServiceTimeout"]


@mistake("BarkBase backend", "rule:nothing-is-locked")
def an_import_of_the_layers_export(stacks: Stacks) -> None:
    name = "Barkbase-SharedResourcesStack-prod-DbLayerArn"
    put(function(stacks, "-worker"), "Layers", [{"Fn::ImportValue": name}])


@mistake("monorepo", "rule:references-are-at-home")
def an_output_that_is_not_there(stacks: Stacks) -> None:
    output = {"StackName": "DbStack-prod", "OutputName": "Endpoint", "Region": "us-east-2"}
    put(function(stacks, "-worker"), "Environment", "Variables", "DB_HOST", {"Fn::GetStackOutput": output})


@mistake("Miyabi", "rule:everything-is-at-home")
def another_region_and_another_account(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Environment", "Variables", "JWT_SECRET_ARN", FOREIGN)


@mistake("BarkBase backend", "rule:exports-say-whose-they-are")
def an_export_without_its_stacks_name(stacks: Stacks) -> None:
    stacks.stacks[BIRTHDAY].template["Outputs"]["ApiEndpoint"]["Export"]["Name"] = "ApiEndpoint"


@mistake("monorepo", "rule:names-are-taken-once", "cfn-lint:E3019")
def two_functions_of_one_name(stacks: Stacks) -> None:
    put(function(stacks, "users-prod"), "FunctionName", "orders-prod")


@mistake(
    "birthday", "rule:logs-end", "checkov:CKV_AWS_66", "nag:Serverless-CloudWatchLogGroupRetentionPeriod"
)
def logs_for_ever(stacks: Stacks) -> None:
    drop(find(stacks, "Logs::LogGroup", "WorkerFunctionLogs"), "RetentionInDays")


@mistake("BarkBase backend", "rule:room-for-more")
def four_hundred_resources(stacks: Stacks) -> None:
    for number in range(400):
        add(stacks, BIRTHDAY, f"Wait{number}", "AWS::CloudFormation::WaitConditionHandle")


@mistake("monorepo", "snapshot")
def a_database_under_another_id(stacks: Stacks) -> None:
    rename(stacks, find(stacks, "RDS::DBInstance"), "PostgresInstance")


@mistake("monorepo", "snapshot")
def a_database_of_another_name(stacks: Stacks) -> None:
    put(find(stacks, "RDS::DBInstance"), "DBInstanceIdentifier", "miyabi-postgres-prod")


@mistake("BarkBase backend", "snapshot")
def a_secret_that_is_made_anew(stacks: Stacks) -> None:
    secret = find(stacks, "SecretsManager::Secret", Name="bday/db-credentials")
    put(secret, "GenerateSecretString", "PasswordLength", 32)


@mistake("BarkBase backend", "snapshot")
def people_who_have_to_sign_up_again(stacks: Stacks) -> None:
    rename(stacks, find(stacks, "Cognito::UserPool"), "People")


@mistake("birthday", "snapshot")
def a_queue_of_another_name(stacks: Stacks) -> None:
    put(find(stacks, "SQS::Queue", "BdayMessagesQueue"), "QueueName", "birthday-messages")


@mistake("Miyabi", "snapshot")
def a_bucket_that_is_made_anew(stacks: Stacks) -> None:
    put(find(stacks, "S3::Bucket"), "BucketName", "orders-attachments")


@mistake("Miyabi", "snapshot")
def an_api_at_another_address(stacks: Stacks) -> None:
    rename(stacks, find(stacks, "ApiGatewayV2::Api", "Api"), "HttpApi")


@mistake("BarkBase backend", "snapshot")
def a_network_of_other_addresses(stacks: Stacks) -> None:
    put(find(stacks, "EC2::VPC"), "CidrBlock", "10.7.0.0/16")


@mistake("BarkBase backend", "rule:data-outlives-its-stack")
def people_who_go_when_their_pool_is_replaced(stacks: Stacks) -> None:
    find(stacks, "Cognito::UserPool").body["UpdateReplacePolicy"] = "Delete"


@mistake("BarkBase layer", "rule:runs-what-its-layers-hold")
def a_layer_that_no_stack_makes(stacks: Stacks) -> None:
    put(function(stacks, "-worker"), "Layers", [{"Ref": "DbLayer"}])


@mistake("monorepo", "rule:tables-come-first")
def no_migrations_at_all(stacks: Stacks) -> None:
    run = stacks.stacks[MIGRATIONS].template["Resources"]
    del run["RunMigrations"]
    remove(stacks, find(stacks, "Lambda::EventInvokeConfig", "MigratorInvoked"))


@mistake("monorepo", "rule:previews-leave-nothing", env="pr-12")
def a_preview_that_leaves_its_database(stacks: Stacks) -> None:
    find(stacks, "RDS::DBInstance").body["DeletionPolicy"] = "Snapshot"
