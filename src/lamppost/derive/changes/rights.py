"""Which rights come and go: each action on each resource, of each role and policy."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lamppost.derive.changes.kinds import Right
from lamppost.derive.cost.template import Body, Resource, Templates

_RESOURCE_POLICIES = {
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
}


def rights(before: Mapping[str, Body], after: Mapping[str, Body]) -> tuple[Right, ...]:
    """The statements that differ: those that come first, then those that go."""
    had, has = set(_all(before, given=False)), set(_all(after, given=True))
    same = {_key(each) for each in had} & {_key(each) for each in has}
    differing = [each for each in (*has, *had) if _key(each) not in same]
    return tuple(sorted(differing, key=lambda each: (each.stack, each.holder, not each.given, _key(each))))


def _key(each: Right) -> tuple[str, ...]:
    return (each.stack, each.holder, each.effect, each.action, each.resource, each.condition)


def _all(stacks: Mapping[str, Body], *, given: bool) -> Iterator[Right]:
    for each in Templates(stacks).resources:
        for statement in _statements(each):
            condition = _text(statement.get("Condition")) if statement.get("Condition") else ""
            who = statement.get("Principal")
            by = f" by {_text(who)}" if who else ""
            for action in _listed(statement.get("Action", statement.get("NotAction"))):
                # A policy that trusts somebody names no resource: it stands for its role.
                for resource in _listed(statement.get("Resource", "itself")):
                    effect = str(statement.get("Effect"))
                    yield Right(
                        each.stack, each.id, given, effect, str(action), _text(resource) + by, condition
                    )


def _statements(each: Resource) -> Iterator[dict[str, Any]]:
    documents: list[Any] = []
    if each.type == "AWS::IAM::Role":
        documents = [each.get("AssumeRolePolicyDocument")]
        documents += [policy.get("PolicyDocument") for policy in each.get("Policies") or ()]
        for managed in each.get("ManagedPolicyArns") or ():
            yield {"Effect": "Allow", "Action": "everything in", "Resource": managed}
    elif each.type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        documents = [each.get("PolicyDocument")]
    elif each.type in _RESOURCE_POLICIES:
        documents = [each.get(_RESOURCE_POLICIES[each.type])]
    elif each.type == "AWS::Lambda::Permission":
        yield {
            "Effect": "Allow",
            "Action": each.get("Action"),
            "Resource": each.get("FunctionName"),
            "Principal": each.get("Principal"),
            "Condition": each.get("SourceArn"),
        }
    for document in documents:
        if isinstance(document, Mapping):
            yield from (one for one in _listed(document.get("Statement")) if isinstance(one, dict))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A value of a template in one line: what is joined from parts reads as one text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        (name, inner), *_ = value.items()
        if name == "Fn::Join":
            return str(inner[0]).join(map(_text, inner[1]))
        if name == "Ref":
            return f"${{{inner}}}"
        if name == "Fn::GetAtt":
            return f"${{{'.'.join(map(str, inner)) if isinstance(inner, list) else inner}}}"
        if name == "Fn::GetStackOutput":
            return f"${{{inner.get('StackName')}:{inner.get('OutputName')}}}"
        if name == "Fn::Sub" and isinstance(inner, str):
            return inner
    return json.dumps(value, sort_keys=True)
