"""How a mutant is made: find one resource of a stage's templates, and change a copy."""

import copy
from typing import Any

import msgspec

from lamppost.cloud.rules.stacks import Resource, Stack, Stacks


def copied(stacks: Stacks) -> Stacks:
    """The same stacks, to be changed."""
    return msgspec.structs.replace(
        stacks,
        stacks={
            id: msgspec.structs.replace(stack, template=copy.deepcopy(stack.template))
            for id, stack in stacks.stacks.items()
        },
    )


def find(stacks: Stacks, kind: str, like: str = "", **properties: object) -> Resource:
    """The first resource of this type whose id begins so and that has these properties."""
    for each in stacks.of(kind):
        if each.id.startswith(like) and all(each.get(name) == value for name, value in properties.items()):
            return each
    raise AssertionError(f"no {kind} like {like!r} with {properties}")


def function(stacks: Stacks, ends: str) -> Resource:
    """The function whose name ends so."""
    for each in stacks.of("Lambda::Function"):
        if str(each.get("FunctionName", default="")).endswith(ends):
            return each
    raise AssertionError(f"no function …{ends}")


def put(resource: Resource, *path_and_value: Any) -> None:
    """Set a property, by the names that lead to it; the last is the value."""
    *path, value = path_and_value
    at: Any = resource.body.setdefault("Properties", {})
    for name in path[:-1]:
        at = at[name] if isinstance(at, list) else at.setdefault(name, {})
    at[path[-1]] = value


def drop(resource: Resource, *path: Any) -> None:
    """Take a property away."""
    at: Any = resource.body["Properties"]
    for name in path[:-1]:
        at = at[name]
    del at[path[-1]]


def add(stacks: Stacks, stack: str, id: str, kind: str, **properties: object) -> None:
    """A resource more."""
    stacks.stacks[stack].template["Resources"][id] = {"Type": kind, "Properties": properties}


def remove(stacks: Stacks, resource: Resource) -> None:
    """A resource less."""
    del stacks.stacks[resource.stack].template["Resources"][resource.id]


def rename(stacks: Stacks, resource: Resource, id: str) -> None:
    """The same resource under another logical id; what names it follows."""
    stack = stacks.stacks[resource.stack]
    text = msgspec.json.encode(stack.template).replace(f'"{resource.id}"'.encode(), f'"{id}"'.encode())
    stacks.stacks[resource.stack] = msgspec.structs.replace(stack, template=msgspec.json.decode(text))


def replace(stacks: Stacks, stack: str, **fields: Any) -> None:
    """What stands about a stack beside its template."""
    found: Stack = stacks.stacks[stack]
    stacks.stacks[stack] = msgspec.structs.replace(found, **fields)
