"""What a deployment would change: in place or anew, with or without its data, and whose rights."""

from typing import Any

import pytest

from lamppost.cli.change_words import words
from lamppost.derive.changes.compare import compare
from lamppost.derive.changes.kinds import Change, Changes

Body = dict[str, Any]


def stacks(**resources: Body) -> dict[str, Body]:
    return {"Stack": {"Resources": resources}}


def resource(kind: str, raw: Body | None = None, **properties: Any) -> Body:
    return {"Type": f"AWS::{kind}", "Properties": properties, **(raw or {})}


def only(before: dict[str, Body], after: dict[str, Body]) -> Change:
    (change,) = compare(before, after).resources
    return change


def said(changes: Changes) -> str:
    return "\n".join(words(changes))


def test_the_same_templates_change_nothing() -> None:
    same = stacks(Queue=resource("SQS::Queue", QueueName="q"))
    assert compare(same, same).none
    assert said(compare(same, same)) == "Nothing changes."


def test_a_setting_changes_in_place() -> None:
    change = only(
        stacks(Queue=resource("SQS::Queue", QueueName="q", VisibilityTimeout=30)),
        stacks(Queue=resource("SQS::Queue", QueueName="q", VisibilityTimeout=180)),
    )
    assert (change.fate, change.name, change.lost) == ("changed", "q", None)
    assert [(each.name, each.before, each.after) for each in change.properties] == [
        ("VisibilityTimeout", 30, 180)
    ]


@pytest.mark.parametrize(
    ("policy", "lost"),
    [("Retain", "kept"), ("Snapshot", "snapshot"), ("Delete", "deleted"), (None, "deleted")],
)
def test_a_database_that_is_replaced_says_what_becomes_of_its_data(policy: str | None, lost: str) -> None:
    raw = {"UpdateReplacePolicy": policy} if policy else None
    change = only(
        stacks(Database=resource("RDS::DBInstance", raw, DBInstanceIdentifier="one")),
        stacks(Database=resource("RDS::DBInstance", raw, DBInstanceIdentifier="two")),
    )
    assert (change.fate, change.because, change.lost) == ("replaced", ("DBInstanceIdentifier",), lost)


def test_what_needs_the_replaced_is_replaced_with_it() -> None:
    """A new VPC takes its subnets along, and what only refers to a subnet changes in place."""

    def network(cidr: str) -> dict[str, Body]:
        return stacks(
            Vpc=resource("EC2::VPC", CidrBlock=cidr),
            Subnet=resource("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.0.0.0/24"),
            Function=resource("Lambda::Function", VpcConfig={"SubnetIds": [{"Ref": "Subnet"}]}),
            Queue=resource("SQS::Queue", QueueName="q"),
        )

    changes = compare(network("10.0.0.0/16"), network("10.1.0.0/16"))
    assert {each.id: each.fate for each in changes.resources} == {
        "Vpc": "replaced",
        "Subnet": "replaced",
        "Function": "changed",
    }
    assert "VpcConfig refers to what is made anew" in said(changes)


def test_a_removed_bucket_takes_its_objects_along_unless_it_is_kept() -> None:
    bare, kept = resource("S3::Bucket"), resource("S3::Bucket", {"DeletionPolicy": "Retain"})
    assert only(stacks(Files=bare), stacks()).lost == "deleted"
    assert only(stacks(Files=kept), stacks()).lost == "kept"
    assert "ITS DATA IS DELETED" in said(compare(stacks(Files=bare), stacks()))


def test_new_code_is_no_cause_for_alarm() -> None:
    """A layer's version is always made anew, and functions go over to it."""

    def release(digest: str) -> dict[str, Body]:
        return stacks(
            Layer=resource("Lambda::LayerVersion", Content={"S3Key": digest}),
            Worker=resource(
                "Lambda::Function", FunctionName="w", Code={"S3Key": digest}, Layers=[{"Ref": "Layer"}]
            ),
        )

    changes = compare(release("one"), release("two"))
    assert all(each.code_only for each in changes.resources)
    assert changes.alarming() == ()
    assert "  ~ AWS::Lambda::Function w: new code" in said(changes).splitlines()


def test_rights_that_come_and_go_are_called_out() -> None:
    def role(*actions: str) -> dict[str, Body]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}
        policy = {"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}
        return stacks(Role=resource("IAM::Role", Policies=[policy]))

    changes = compare(role("sqs:SendMessage", "sqs:GetQueueUrl"), role("sqs:SendMessage", "sqs:*"))
    assert [(each.given, each.action, each.resource) for each in changes.rights] == [
        (True, "sqs:*", "${Queue.Arn}"),
        (False, "sqs:GetQueueUrl", "${Queue.Arn}"),
    ]
    assert "  + Stack Role: Allow sqs:* on ${Queue.Arn}" in said(changes).splitlines()


def test_a_trust_policy_that_opens_is_a_right() -> None:
    def role(who: str) -> dict[str, Body]:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": who}}
        return stacks(Role=resource("IAM::Role", AssumeRolePolicyDocument={"Statement": [statement]}))

    given, taken = compare(role("arn:one"), role("*")).rights
    assert (given.given, given.resource, taken.given) == (True, 'itself by {"AWS": "*"}', False)


def test_stacks_and_exports_that_go_are_named() -> None:
    out = {"Outputs": {"Arn": {"Value": "x", "Export": {"Name": "Stack-Arn"}}}, "Resources": {}}
    changes = compare(
        {"Stack": out, "Old": {"Resources": {}}}, {"Stack": {"Resources": {}}, "New": {"Resources": {}}}
    )
    assert (changes.stacks_added, changes.stacks_removed) == (("New",), ("Old",))
    assert [each.name for each in changes.exports_removed] == ["Stack-Arn"]


def test_of_an_unknown_type_nothing_is_promised() -> None:
    change = only(stacks(A=resource("New::Thing", Size=1)), stacks(A=resource("New::Thing", Size=2)))
    assert change.fate == "perhaps replaced"


def test_a_type_is_replaced_by_another_of_its_id() -> None:
    change = only(stacks(A=resource("SQS::Queue")), stacks(A=resource("SNS::Topic")))
    assert (change.fate, change.because) == ("replaced", ("Type",))
