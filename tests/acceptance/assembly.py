"""A cloud assembly, as `lamppost synth` writes it: stacks, each behind those it needs, and their files."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.ministack import ACCOUNT, REGION

# What stands for the place that a stack is deployed to, where CDK does not know it.
_PLACE = {"${AWS::AccountId}": ACCOUNT, "${AWS::Region}": REGION, "${AWS::Partition}": "aws"}


class File(msgspec.Struct, frozen=True):
    """A file that a stack needs in a bucket: a zip, a folder that becomes one, or a template."""

    bucket: str
    key: str
    path: Path
    packaging: str

    def read(self) -> bytes:
        """What is uploaded."""
        return _folder(self.path) if self.packaging == "zip" else self.path.read_bytes()


class Stack(msgspec.Struct, frozen=True):
    """A stack: `name` is what AWS calls it, `url` where its template lies once its `files` are uploaded."""

    name: str
    template: dict[str, Any]
    bucket: str
    key: str
    tags: dict[str, str]
    files: tuple[File, ...]

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """The properties of each resource of this type."""
        return [each["Properties"] for each in self.template["Resources"].values() if each["Type"] == kind]


def read(folder: Path) -> tuple[Stack, ...]:
    """The stacks of the assembly in `folder`, in the order in which they are deployed."""
    parts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    return tuple(_stack(folder, parts, id) for id in _ordered(parts))


def _ordered(parts: dict[str, Any]) -> Iterator[str]:
    told: set[str] = set()

    def tell(id: str) -> Iterator[str]:
        if id in told:
            return
        told.add(id)
        for other in sorted(parts[id].get("dependencies", ())):
            yield from tell(other)
        if parts[id]["type"] == "aws:cloudformation:stack":
            yield id

    for id in sorted(parts):
        yield from tell(id)


def _stack(folder: Path, parts: dict[str, Any], id: str) -> Stack:
    said = parts[id]["properties"]
    template = folder / said["templateFile"]
    bucket, _, key = _placed(said["stackTemplateAssetObjectUrl"]).removeprefix("s3://").partition("/")
    files = json.loads((folder / f"{id}.assets.json").read_text())["files"]
    return Stack(
        said.get("stackName", id),
        json.loads(template.read_text()),
        bucket,
        key,
        said.get("tags", {}),
        tuple(
            File(
                _placed(goal["bucketName"]),
                _placed(goal["objectKey"]),
                folder / file["source"]["path"],
                file["source"]["packaging"],
            )
            for file in files.values()
            for goal in file["destinations"].values()
        ),
    )


def _placed(text: str) -> str:
    for name, value in _PLACE.items():
        text = text.replace(name, value)
    return text


def _folder(path: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(path))
    return packed.getvalue()
