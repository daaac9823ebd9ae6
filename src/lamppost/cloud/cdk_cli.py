"""CDK's command line: the one version that fits the library, run by the Node that came with it."""

import json
import os
import subprocess
from pathlib import Path

from lamppost.cloud import node
from lamppost.errors import OperatorError

INFRA = Path("infra")
_PROGRAM = Path("node_modules") / "aws-cdk"


def command(root: Path) -> list[str]:
    """How CDK is called in the repository `root`. Raises `OperatorError` unless it is the pinned version."""
    pinned = json.loads((root / INFRA / "package.json").read_text())["devDependencies"]["aws-cdk"]
    folder = root / INFRA / _PROGRAM
    try:
        there = json.loads((folder / "package.json").read_text())["version"]
    except FileNotFoundError:
        there = "not installed"
    if there != pinned:
        raise OperatorError(
            f"CDK's command line is {there}; {INFRA / 'package.json'} names {pinned}",
            fix="run make aws, which installs it with npm",
            code="cdk_missing",
        )
    node.choose()
    return [os.environ.get("JSII_NODE", "node"), str(folder / "bin" / "cdk")]


def deploy(root: Path, templates: Path, outputs: Path) -> None:
    """Deploy every stack in `templates`, each behind those it depends on, and keep what AWS made up.

    What CDK says goes to the terminal as it comes. Raises `OperatorError` when it fails: the stack that
    failed is as before, those ahead of it are new.
    """
    outputs.parent.mkdir(parents=True, exist_ok=True)
    beside = outputs.with_name(f".{outputs.name}.new-{os.getpid()}")
    arguments = ["--app", str(templates), "--all", "--require-approval", "never", "--no-notices"]
    try:
        done = subprocess.run(
            [*command(root), "deploy", *arguments, "--outputs-file", str(beside)],
            cwd=root / INFRA,
            check=False,
        )
        if done.returncode != 0:
            raise OperatorError(
                f"CDK ended with {done.returncode}; what it said stands above",
                fix="mend what it names and deploy again: CloudFormation rolled back the stack that failed,"
                " those before it stay new",
                code="deploy_failed",
            )
        if beside.exists():
            beside.replace(outputs)
    finally:
        beside.unlink(missing_ok=True)
