"""What was deployed last, as files: one folder for each stage, one template for each stack."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lamppost.cloud import assembly
from lamppost.errors import OperatorError

FOLDER = Path("infra") / "snapshots"


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The templates in `folder` by their stacks' names: a snapshot's, or what `synth` wrote.

    Raises `OperatorError` when there are none.
    """
    if (folder / assembly.MANIFEST).exists():
        return {stack.name: stack.template for stack in assembly.read(folder)}
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise OperatorError(
            f"there is no snapshot in {folder}",
            fix=f"keep one: lamppost diff --stage {folder.name} --keep; lamppost deploy does so each time",
            code="snapshot_missing",
        )
    return found


def exists(folder: Path) -> bool:
    """Whether something is kept there."""
    return any(folder.glob("*.json"))


def keep(folder: Path, stacks: Iterable[assembly.Stack]) -> None:
    """Let `folder` hold these templates and nothing else. A crash leaves the old ones or the new ones."""
    beside = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for stack in stacks:
        text = json.dumps(stack.template, indent=1, sort_keys=True)
        (beside / f"{stack.name}.json").write_text(text + "\n", "utf-8")
    gone = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(gone)
    beside.rename(folder)
    shutil.rmtree(gone, ignore_errors=True)
