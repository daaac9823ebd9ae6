"""Whether a template holds what docs/reference/seeds.md says of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.cloud.conftest import Template

_TYPED = re.compile(r"((?:AWS|Custom)::[\w:]+) (\w+)")
_ALLOWS = re.compile(r"(\w+) allows (\S+) on (.+)")
_SAYS = re.compile(r"([\w.:\[\]-]+) (=|has) (.+)")


def wrong(template: Template, fact: str) -> str:
    """What the template lacks of `fact`, or "".

    A fact is one of `AWS::SQS::Queue Id`, `Id`, `Id.Path`, `Id.Path = value`, `Id.Path has text`,
    `Role allows action on text`, `no AWS::EKS::Cluster`. An id goes without CDK's eight last characters; a
    path is of properties, or of the resource itself, or begins with `Outputs`.
    """
    if fact.startswith("no "):
        found = template.of(fact[3:])
        return f"there is {', '.join(found)}" if found else ""
    if allows := _ALLOWS.fullmatch(fact):
        return _refused(template, *allows.groups())
    if typed := _TYPED.fullmatch(fact):
        kind = _named(template, typed[2]).get("Type")
        return "" if kind == typed[1] else f"{typed[2]} is {kind or 'not there'}"
    said = _SAYS.fullmatch(fact)
    path, how, value = said.groups() if said else (fact, "", "")
    found = list(_at(template, path))
    if not found:
        return f"{path} is not there"
    if how == "=" and any(text(each) != value for each in found):
        return f"{path} is {', '.join(map(text, found))}"
    if how == "has" and not any(value in text(each) for each in found):
        return f"{path} is {', '.join(map(text, found))[:400]}"
    return ""


def text(value: Any) -> str:
    """A value as a person reads it: plain words and numbers, joined texts joined, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return str(separator).join(map(text, parts))
    if isinstance(value, list) and len(value) == 1:
        return text(value[0])
    if isinstance(value, list):
        return json.dumps([text(each) for each in value])
    return json.dumps(value)


def _named(template: Template, name: str) -> dict[str, Any]:
    """The resource with this id, with or without the characters that CDK puts behind it."""
    wanted = re.compile(rf"{name}([0-9A-F]{{8}})?")
    found = [each for id, each in template.body.get("Resources", {}).items() if wanted.fullmatch(id)]
    return dict(found[0]) if len(found) == 1 else {}


def _at(template: Template, path: str) -> Iterator[Any]:
    name, _, rest = path.partition(".")
    if name == "Outputs":
        return _walk(template.body.get("Outputs", {}), rest)
    resource = _named(template, name)
    if not rest:
        return iter([resource] if resource else [])
    inside = list(_walk(resource.get("Properties", {}), rest))
    return iter(inside or _walk(resource, rest))


def _walk(node: Any, path: str) -> Iterator[Any]:
    """Every value at `path`: through lists, and through keys that hold a dot themselves."""
    if not path:
        yield node
    elif isinstance(node, list):
        for each in node:
            yield from _walk(each, path)
    elif isinstance(node, dict):
        for key, value in node.items():
            if path == key or path.startswith(f"{key}."):
                yield from _walk(value, path[len(key) + 1 :])


def _refused(template: Template, role: str, action: str, resource: str) -> str:
    allowed = []
    for statement in _walk(_named(template, role), "Properties.Policies.PolicyDocument.Statement"):
        allowed += [each for each in statement if each["Effect"] == "Allow"]
    for each in allowed:
        actions = [each["Action"]] if isinstance(each["Action"], str) else each["Action"]
        resources = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
        if action in actions and any(resource in text(arn) for arn in resources):
            return ""
    return f"{role} does not allow it" if allowed else f"{role} is not there"
