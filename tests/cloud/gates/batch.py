"""Mistakes as a tool reads them: the part of a template that each changes, and the same part as it was."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lamppost.cloud.rules.stacks import Stacks
from tests.cloud.gates.editing import copied
from tests.cloud.gates.findings import Finding
from tests.cloud.gates.mutants.every import every
from tests.cloud.gates.mutants.table import Mutant

BEFORE = "-before"
_WORD = re.compile(r"[A-Za-z0-9]+")


def label(mutant: Mutant) -> str:
    """The folder of a mutant."""
    return mutant.name.replace(" ", "-")


def write(folder: Path, stacks: Stacks, mutants: Iterable[Mutant]) -> None:
    """FOLDER/LABEL/STACK.json with what a mutant changes and all that this needs, and the same as it was.

    The latter stands in FOLDER/LABEL-before: what a tool says of both, the mistake has nothing to do with.
    """
    for mutant in mutants:
        made = copied(stacks)
        mutant.make(made)
        for id, stack in made.stacks.items():
            before = stacks.stacks[id].template
            changed = {
                name
                for name, body in stack.template["Resources"].items()
                if body != before["Resources"].get(name)
            }
            changed |= before["Resources"].keys() - stack.template["Resources"].keys()
            # What is gone is missed by what it was for.
            for name in changed:
                changed = changed | _names(before["Resources"].get(name, {}), before["Resources"].keys())
            if changed:
                _write(folder / label(mutant) / f"{id}.json", _part(stack.template, changed))
                _write(folder / f"{label(mutant)}{BEFORE}" / f"{id}.json", _part(before, changed))


def _part(template: dict[str, Any], changed: set[str]) -> dict[str, Any]:
    """The changed resources, those that name them, and all that these need."""
    resources = template["Resources"]
    named = {id: _names(body, resources.keys() | changed) for id, body in resources.items()}
    wanted = {id for id in resources if id in changed or named[id] & changed}
    todo = list(wanted)
    while todo:
        for id in named[todo.pop()] - wanted:
            if id in resources:
                wanted.add(id)
                todo.append(id)
    return {"Resources": {id: body for id, body in resources.items() if id in wanted}}


def _names(body: Any, known: set[str]) -> set[str]:
    """The logical ids that a resource mentions: in Ref, Fn::GetAtt and DependsOn they stand alone."""
    return {word for word in _WORD.findall(json.dumps(body)) if word in known}


def _write(path: Path, template: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(template))


def seen(found: Iterable[Finding]) -> dict[str, set[str]]:
    """Label to the rules that found something there that they did not find before."""
    said: dict[str, set[tuple[str, str, str]]] = {}
    for each in found:
        said.setdefault(each.label, set()).add((each.rule, each.where, each.detail))
    return {
        name: {rule for rule, _, _ in all_said - said.get(f"{name}{BEFORE}", set())}
        for name, all_said in said.items()
        if not name.endswith(BEFORE)
    }


def missed(found: Iterable[Finding], tool: str) -> dict[str, set[str]]:
    """The mistakes that `tool` was to see, with what it did not say of them."""
    said = seen(found)
    left = {each.name: set(each.of(tool)) - said.get(label(each), set()) for each in shown(tool)}
    return {mistake: rules for mistake, rules in left.items() if rules}


def shown(tool: str) -> tuple[Mutant, ...]:
    """The mistakes that `tool` is to see."""
    return tuple(each for each in every() if each.of(tool))
