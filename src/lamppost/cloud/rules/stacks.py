"""What the rules look at: the templates of one stage as they are about to be deployed, and what they mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lamppost.cloud.stages import StageSettings
from lamppost.derive.manifest import Manifest

STACK = "aws:cloudformation:stack"


class Broken(msgspec.Struct, frozen=True):
    """A rule that does not hold: where, what is wrong, and what to do."""

    stack: str
    resource: str
    what: str
    fix: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.stack}/{self.resource} {self.what}; {self.fix}"


class Resource(msgspec.Struct, frozen=True):
    """One resource of one stack."""

    stack: str
    id: str
    kind: str
    body: dict[str, Any]

    def get(self, *path: str, default: Any = None) -> Any:
        """A property, by the names that lead to it."""
        found: Any = self.body.get("Properties", {})
        for name in path:
            if not isinstance(found, dict) or name not in found:
                return default
            found = found[name]
        return found

    def broken(self, what: str, fix: str) -> Broken:
        """That this one breaks a rule."""
        return Broken(self.stack, self.id, what, fix)


class Stack(msgspec.Struct, frozen=True):
    """One stack: people's name for it, AWS's, its template, and those it waits for."""

    id: str
    name: str
    template: dict[str, Any]
    waits: frozenset[str] = frozenset()
    protected: bool = False

    def resources(self) -> Iterator[Resource]:
        """Everything in it."""
        for id, body in self.template.get("Resources", {}).items():
            yield Resource(self.id, id, body["Type"], body)


class Stacks(msgspec.Struct, frozen=True):
    """All stacks of a stage, with what they were made from."""

    env: str
    settings: StageSettings
    manifest: Manifest
    stacks: dict[str, Stack]

    def of(self, *kinds: str) -> Iterator[Resource]:
        """Every resource of these types, without their `AWS::`."""
        wanted = {f"AWS::{kind}" for kind in kinds}
        for stack in self.stacks.values():
            yield from (each for each in stack.resources() if each.kind in wanted)

    def target(self, stack: str, value: Any) -> Resource | None:
        """The resource that a template's `value` leads to, through other stacks' outputs too."""
        if not isinstance(value, dict):
            return None
        if "Fn::GetStackOutput" in value:
            return self._elsewhere(value["Fn::GetStackOutput"])
        attribute = value.get("Fn::GetAtt", [None])
        id = value.get("Ref") or (attribute.split(".") if isinstance(attribute, str) else attribute)[0]
        body = self.stacks[stack].template["Resources"].get(id)
        return None if body is None else Resource(stack, id, body["Type"], body)

    def _elsewhere(self, output: dict[str, Any]) -> Resource | None:
        for stack in self.stacks.values():
            if stack.name == output["StackName"]:
                told = stack.template.get("Outputs", {}).get(output["OutputName"])
                return None if told is None else self.target(stack.id, told["Value"])
        return None

    def behind(self, id: str, other: str) -> bool:
        """Whether the stack `id` is deployed after `other`, directly or through others."""
        waits = self.stacks[id].waits
        return other in waits or any(self.behind(each, other) for each in waits if each in self.stacks)


def read(folder: Path, env: str, settings: StageSettings, manifest: Manifest) -> Stacks:
    """The stacks of the cloud assembly in `folder`."""
    assembly = json.loads((folder / "manifest.json").read_text())
    stacks = {}
    for id, part in assembly["artifacts"].items():
        if part["type"] == STACK:
            told = part["properties"]
            stacks[id] = Stack(
                id,
                told.get("stackName", id),
                json.loads((folder / told["templateFile"]).read_text()),
                frozenset(part.get("dependencies", ())),
                told.get("terminationProtection", False),
            )
    return Stacks(env, settings, manifest, stacks)


def listed(value: Any) -> list[Any]:
    """A value that templates write alone when there is only one, as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def flat(value: Any) -> str:
    """A text with the parts that only AWS knows as {}."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "Fn::Join" in value:
        mark, parts = value["Fn::Join"]
        return str(mark).join(map(flat, parts))
    if isinstance(value, dict) and "Fn::Sub" in value:
        return str(value["Fn::Sub"])
    return "{}"
