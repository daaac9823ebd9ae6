"""A folder of templates as plain dictionaries: what CDK wrote, read without CDK."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from lamppost.errors import OperatorError

MANIFEST = "manifest.json"


class Stack(msgspec.Struct, frozen=True):
    """One stack: `id` on the command line, `name` on AWS, its region, its template."""

    id: str
    name: str
    region: str
    template: dict[str, Any]


def read(folder: Path) -> tuple[Stack, ...]:
    """The stacks in the folder that CDK wrote, each behind those it depends on. Raises `OperatorError`."""
    try:
        artifacts = json.loads((folder / MANIFEST).read_text())["artifacts"]
    except FileNotFoundError as missing:
        raise OperatorError(
            f"there are no templates in {folder}",
            fix=f"write them: lamppost synth --out {folder}",
            code="templates_missing",
        ) from missing
    found = {id: part for id, part in artifacts.items() if part["type"] == "aws:cloudformation:stack"}
    return tuple(_stack(folder, id, found[id]) for id in _in_order(found))


def stage_of(folder: Path) -> str | None:
    """The stage that these templates were made for, by the tag that every stack of ours has."""
    for part in json.loads((folder / MANIFEST).read_text())["artifacts"].values():
        tag = part.get("properties", {}).get("tags", {}).get("lamppost:stage")
        if tag:
            return str(tag)
    return None


def _in_order(found: dict[str, Any]) -> Iterator[str]:
    done: set[str] = set()

    def visit(id: str) -> Iterator[str]:
        if id in done:
            return
        done.add(id)
        for before in found[id].get("dependencies", ()):
            if before in found:
                yield from visit(before)
        yield id

    for id in found:
        yield from visit(id)


def _stack(folder: Path, id: str, part: dict[str, Any]) -> Stack:
    properties = part["properties"]
    template = json.loads((folder / properties["templateFile"]).read_text())
    return Stack(id, properties.get("stackName", id), part["environment"].rpartition("/")[2], template)


def tag(folder: Path, tags: Mapping[str, str]) -> None:
    """Give every stack in `folder` these tags as well. Templates stay as they are."""
    path = folder / MANIFEST
    body = json.loads(path.read_text())
    for part in body["artifacts"].values():
        if part["type"] == "aws:cloudformation:stack":
            part["properties"]["tags"] = {**part["properties"].get("tags", {}), **tags}
    path.write_text(json.dumps(body, indent=2))
