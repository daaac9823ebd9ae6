"""The JobsStack: the machine that runs heavy migrations, and what it may do."""

from lamppost.cloud.jobs_machine import definition
from tests.cloud.conftest import Stage
from tests.cloud.test_cloud_permissions import allowed

MACHINE = "AWS::StepFunctions::StateMachine"


def stack(stage: Stage) -> str:
    return f"Barkbase-JobsStack-{stage.env}"


def test_the_machine_is_the_one_that_the_tests_walk_and_calls_this_stages_migrator(stage: Stage) -> None:
    machine = stage[stack(stage)].named(MACHINE, StateMachineName=f"lamppost-{stage.env}-jobs")
    assert machine["Definition"] == definition()
    (arn,) = machine["DefinitionSubstitutions"].values()
    assert f"function:migrator-{stage.env}" in str(arn)
    # An express machine ends after five minutes and may run a step twice.
    assert machine["StateMachineType"] == "STANDARD"


def test_its_outputs_say_what_to_start(dev: Stage) -> None:
    assert dev[stack(dev)].exports() == {
        "JobsStateMachineArn": "Barkbase-JobsStack-dev-JobsStateMachineArn",
        "JobsStateMachineName": "Barkbase-JobsStack-dev-JobsStateMachineName",
    }


def test_it_may_call_the_migrator_and_no_other_function(stage: Stage) -> None:
    found = allowed(stage, stack(stage), "JobsRole")
    assert found["lambda:InvokeFunction"] == {f"arn:aws:lambda:us-east-2:{{}}:function:migrator-{stage.env}"}
    assert {action.partition(":")[0] for action in found} == {"lambda", "logs", "xray"}


def test_only_this_accounts_machine_of_this_name_wears_its_role(dev: Stage) -> None:
    (role,) = dev[stack(dev)].of("AWS::IAM::Role").values()
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "states.amazonaws.com"}
    assert "stateMachine:lamppost-dev-jobs" in str(trust["Condition"]["ArnLike"]["aws:SourceArn"])
    assert trust["Condition"]["StringEquals"]["aws:SourceAccount"]


def test_every_step_is_noted(stage: Stage) -> None:
    (machine,) = stage[stack(stage)].of(MACHINE).values()
    (group,) = stage[stack(stage)].of("AWS::Logs::LogGroup").values()
    assert machine["Properties"]["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}
    assert group["Properties"]["LogGroupName"].startswith("/aws/vendedlogs/states/")


def test_a_job_is_run_behind_the_migrations_before_it(stage: Stage) -> None:
    assert stage.waits_for(stack(stage), f"Barkbase-MigrationsStack-{stage.env}")


def test_the_migrator_has_the_longest_time_there_is_and_a_rollout_a_third_of_it(dev: Stage) -> None:
    template = dev["Barkbase-MigrationsStack-dev"]
    migrator = template.named("AWS::Lambda::Function", FunctionName="migrator-dev")
    assert migrator["Timeout"] == 900
    for resource in template.of("Custom::LamppostMigrations").values():
        # CloudFormation waits longer than a rollout goes on, so it hears how it ended.
        assert int(resource["Properties"]["ServiceTimeout"]) == 600
