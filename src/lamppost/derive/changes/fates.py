"""Which resources change in place and which are made anew, references to what is made anew included."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lamppost.derive.changes.kinds import Fate
from lamppost.derive.cost.template import Resource, Templates

# Written by scripts/immutable.py from CloudFormation's specification.
_FILE = Path(__file__).parent / "immutable.json"

Lost = Literal["deleted", "kept", "snapshot"]
_LOST: dict[str, Lost] = {"Retain": "kept", "RetainExceptOnCreate": "kept", "Snapshot": "snapshot"}

# What cannot be made again from the declaration.
HOLDS_DATA = (
    "AWS::Cognito::UserPool",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)


@cache
def _immutable() -> dict[str, dict[str, str]]:
    return dict(json.loads(_FILE.read_text()))


def verdict(kind: str, changed: set[str]) -> tuple[Fate, tuple[str, ...]]:
    """What becomes of a resource whose properties `changed`, and which of them are the reason.

    Of a type that the specification does not cover here, nothing is promised.
    """
    if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource":
        return ("replaced", ("ServiceToken",)) if "ServiceToken" in changed else ("changed", ())
    fixed = _immutable().get(kind)
    if fixed is None:
        return "perhaps replaced", ("this type is not known",)
    sure = tuple(sorted(name for name in changed if fixed.get(name) == "yes"))
    if sure:
        return "replaced", sure
    perhaps = tuple(sorted(name for name in changed if fixed.get(name) == "maybe"))
    return ("perhaps replaced", perhaps) if perhaps else ("changed", ())


def touched(
    templates: Templates, changed: Mapping[tuple[str, str], set[str]]
) -> dict[tuple[str, str], set[str]]:
    """`changed` properties by stack and id, and those that refer to a resource which is made anew."""
    found = {key: set(names) for key, names in changed.items()}
    by_key = {(each.stack, each.id): each for each in templates.resources}
    anew: set[tuple[str, str]] = set()
    while fresh := {key for key in found if key in by_key and _anew(by_key[key], found[key])} - anew:
        anew |= fresh
        for each in templates.resources:
            for name, value in each.properties.items():
                if any((led.stack, led.id) in fresh for led in templates.all_led_to(value, each.stack)):
                    found.setdefault((each.stack, each.id), set()).add(name)
    return found


def _anew(each: Resource, changed: set[str]) -> bool:
    return verdict(each.type, changed)[0] == "replaced"


def lost(kind: str, raw: Mapping[str, Any], fate: Fate) -> Lost | None:
    """What becomes of the data of a resource that goes, by the policy in its template."""
    if kind not in HOLDS_DATA or fate in ("added", "changed"):
        return None
    policy = raw.get("DeletionPolicy" if fate == "removed" else "UpdateReplacePolicy")
    usual: Lost = "snapshot" if kind.startswith("AWS::RDS::DBCluster") else "deleted"
    return _LOST.get(str(policy), usual if policy is None else "deleted")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """The names of the properties that are not the same."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield name
