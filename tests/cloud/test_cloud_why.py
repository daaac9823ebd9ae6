"""What `lamppost why` says of a right stands in the function's role, and nothing else stands there."""

from typing import Any

from lamppost.derive import why
from tests.cloud.conftest import Stage, Synthesised
from tests.cloud.test_cloud_permissions import flat, listed

ACCOUNT = "{}"


def roles(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """The statements of each declared function's role, by the function's name on AWS."""
    found = {}
    for template in stage.stacks.values():
        held = template.of("AWS::IAM::Role")
        for each in template.of("AWS::Lambda::Function").values():
            role = each["Properties"]["Role"].get("Fn::GetAtt", [""])[0]
            if role in held and "Policies" in held[role]["Properties"]:
                (policy,) = held[role]["Properties"]["Policies"]
                found[each["Properties"].get("FunctionName")] = policy["PolicyDocument"]["Statement"]
    return found


def test_why_knows_every_statement_of_every_role(synthesised: Synthesised, stage: Stage) -> None:
    """Each allowed action and resource of each declared function."""
    place = why.Place(stage.env, "us-east-2", ACCOUNT)
    of = roles(stage)
    asked = 0
    for service in synthesised.manifest.services:
        for function in service.functions:
            answers = {
                (action, reason.statement["Resource"])
                for action in why.every_action()
                for reason in why.why(service, function, action, place).reasons
            }
            (name,) = {why.why(service, function, "sqs:SendMessage", place).function}
            stated = {
                (action, flat(resource))
                for each in of[name]
                if each["Effect"] == "Allow"
                for action in listed(each["Action"])
                for resource in listed(each["Resource"])
            }
            if function.migrates:
                # RDS names the administrator's secret, so one says it by its name and one by its ARN.
                assert {action for action, _ in answers} == {action for action, _ in stated}, name
            else:
                assert answers == stated, name
            asked += len(stated)
    assert asked > 100
