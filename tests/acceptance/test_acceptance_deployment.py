"""The assemblies of all services, as `lamppost synth` writes them, in an account that we did not write."""

import json

from lamppost.declare import names
from tests.acceptance.conftest import System
from tests.acceptance.releases import STAGE
from tests.packing import repository_manifest


def test_every_stack_stands_as_its_template_says_and_no_template_was_changed(system: System) -> None:
    formation = system.account.client("cloudformation")
    assert {stack.name for stack in system.stacks["first"]} == set(system.standing)
    for stack in system.standing.values():
        kept = formation.get_template(StackName=stack.name)["TemplateBody"]
        assert (json.loads(kept) if isinstance(kept, str) else kept) == stack.template, stack.name
        assert system.account.deployer.status(stack.name) in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_every_function_that_is_declared_is_there_under_its_name_and_runs(system: System) -> None:
    declared = {
        names.physical(function.named, STAGE)
        for service in repository_manifest().services
        for function in service.functions
    }
    there = system.account.client("lambda").get_paginator("list_functions").paginate()
    assert declared <= {each["FunctionName"] for page in there for each in page["Functions"]}


def test_the_database_has_every_migration_of_every_service_and_functions_come_in_as_nobody_special(
    system: System,
) -> None:
    applied = system.account.invoke("migrator-dev", {"action": "status"})
    assert not applied.error
    newest = {
        service.name: max(path.name for path in folder.glob("*.sql"))
        for service in repository_manifest().services
        if (folder := system.root / service.folder / "migrations").is_dir()
    }
    heads = [each.items() for each in applied.payload["head"].values()]
    assert dict(pair for each in heads for pair in each).items() >= newest.items()
    with system.account.admin("postgres") as admin:
        roles = admin.execute(
            "select rolname from pg_roles"
            " where rolname like '%\\_app' and (rolsuper or rolcreatedb or rolcreaterole)"
        )
        assert roles.fetchall() == []


def test_the_health_check_answers_as_the_seed_asks_for_it(system: System) -> None:
    answer = system.account.invoke("barkbase-dev-db-healthcheck", {})
    assert (answer.error, answer.payload["statusCode"]) == ("", 200)
    body = json.loads(answer.payload["body"])
    assert body["ok"] is True
    assert body["database"]["connected"] is True


def test_a_function_says_its_lines_in_the_log_group_of_its_stack(system: System) -> None:
    system.account.invoke("barkbase-dev-db-healthcheck", {})
    found = system.account.client("logs").filter_log_events(
        logGroupName="/aws/lambda/barkbase-dev-db-healthcheck"
    )
    said = [event["message"] for event in found["events"]]
    assert any("check.passed" in line for line in said)
