"""What the tools find, in one shape: the rule, and the resource as `Stack/LogicalId`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tests.cloud.gates.tools import tool
from tests.running import ROOT

# CDK states dependencies that follow from references too. It is its habit, and harmless.
HABITS = ("W3005",)
# Nothing listens there.
NOBODY = "http://127.0.0.1:9"
_GRANULAR = re.compile(r"([^\[]+)\[(.*)\]")


class Finding(msgspec.Struct, frozen=True, order=True):
    """One finding. `label` is the stage, or whatever folder the template stands in."""

    tool: str
    rule: str
    label: str
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.label}: {self.tool} {self.rule} at {self.where} {self.detail}".rstrip()


def nag(report: Path, label: str) -> list[Finding]:
    """The findings of cdk-nag in one validation report."""
    return sorted(
        Finding("nag", *_rule(violation["ruleName"], label, construct["constructPath"]))
        for pack in json.loads(report.read_text())["pluginReports"]
        for violation in pack["violations"]
        for construct in violation["violatingConstructs"]
    )


def _rule(name: str, label: str, path: str) -> tuple[str, str, str, str]:
    granular = _GRANULAR.fullmatch(name)
    where = path.removesuffix("/Resource")
    return (granular[1], label, where, granular[2]) if granular else (name, label, where, "")


def nag_again(folder: Path) -> list[Finding]:
    """The findings of cdk-nag in FOLDER/LABEL/*.json, read back."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cloud.gates.nagging", folder],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "CDK_VALIDATION": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    report = folder / "validation-report.json"
    assert done.returncode == 0, done.stderr[-3000:]
    found = []
    for each in nag(report, ""):
        label, _, rest = each.where.partition("--")
        stack, _, resource = rest.partition("/")
        found.append(
            msgspec.structs.replace(each, label=label, where=f"{stack}/{resource.removeprefix('T/')}")
        )
    return sorted(found)


def checkov(folder: Path) -> list[Finding]:
    """The findings of checkov in FOLDER/LABEL/*.json. It asks nobody, and tells nobody."""
    told = _run(
        tool("checkov"), "-d", str(folder), "--framework", "cloudformation", "--skip-download", "--quiet",
        "--compact", "-o", "json",
    )  # fmt: skip
    report = json.loads(told)
    assert not report["summary"]["parsing_errors"], report["summary"]
    return sorted(
        Finding("checkov", each["check_id"], *_place(each["file_path"], each["resource"].rpartition(".")[2]))
        for each in report["results"]["failed_checks"]
    )


def cfn_lint(templates: Iterable[Path]) -> list[Finding]:
    """The findings of cfn-lint in these templates, each in the folder of its label."""
    told = _run(tool("cfn-lint"), "--format", "json", "--ignore-checks", *HABITS, "--", *map(str, templates))
    return sorted(
        Finding("cfn-lint", each["Rule"]["Id"], *_place(each["Filename"], _resource(each)), each["Message"])
        for each in json.loads(told)
    )


def _resource(each: dict[str, Any]) -> str:
    path = each["Location"].get("Path") or []
    return str(path[1]) if len(path) > 1 else ""


def _place(path: str, resource: str) -> tuple[str, str]:
    file = Path(path)
    return file.parent.name, f"{file.name.partition('.')[0]}/{resource}"


def _run(*command: str | Path) -> str:
    # No credentials or settings of ours reach a tool that we did not write, and it reaches nobody.
    env = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "HTTP_PROXY": NOBODY,
        "HTTPS_PROXY": NOBODY,
    }
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    return done.stdout
