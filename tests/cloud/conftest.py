"""The templates of every stage, synthesised once for all workers of a run, as plain dictionaries."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lamppost.cloud import stages
from lamppost.cloud.release import Release
from lamppost.cloud.rules.stacks import read
from lamppost.derive.manifest import Manifest
from tests.running import ROOT

STAGES = ("dev", "staging", "prod", "pr-12")
# Stages of tests/data/stacks.
SHOPS = ("shut", "full", "six")


class Template:
    """One stack's template."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of this type (`AWS::SQS::Queue`), by their logical id."""
        return {id: each for id, each in self.body.get("Resources", {}).items() if each["Type"] == kind}

    def named(self, kind: str, **properties: object) -> dict[str, Any]:
        """The properties of the one resource of this type that has these."""
        (found,) = [
            each["Properties"]
            for each in self.of(kind).values()
            if all(each["Properties"].get(name) == value for name, value in properties.items())
        ]
        return dict(found)

    def exports(self) -> dict[str, str]:
        """Output key to export name."""
        outputs = self.body.get("Outputs", {})
        return {key: out["Export"]["Name"] for key, out in outputs.items() if "Export" in out}


class Stage:
    """One synthesised stage: its folder, its stacks by their ids, and what each waits for."""

    def __init__(self, env: str, folder: Path) -> None:
        self.env = env
        self.folder = folder
        self.assembly = json.loads((folder / "manifest.json").read_text())
        found = {
            id: part
            for id, part in self.assembly["artifacts"].items()
            if part["type"] == "aws:cloudformation:stack"
        }
        self.names = {id: part["properties"].get("stackName", id) for id, part in found.items()}
        self.waits = {id: set(part.get("dependencies", ())) for id, part in found.items()}
        self.stacks = {
            id: Template(json.loads((folder / part["properties"]["templateFile"]).read_text()))
            for id, part in found.items()
        }

    def __getitem__(self, id: str) -> Template:
        return self.stacks[id]

    def waits_for(self, id: str, other: str) -> bool:
        """Whether `id` is deployed behind `other`, directly or through others."""
        return other in self.waits[id] or any(
            self.waits_for(each, other) for each in self.waits[id] if each in self.waits
        )

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """All resources of this type, of all stacks."""
        return [each for template in self.stacks.values() for each in template.of(kind).values()]


class Synthesised:
    """Every stage, and what they were made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stages = {env: Stage(env, folder / env) for env in STAGES}
        self.manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
        settings = stages.read(ROOT / stages.FILE)
        self.stacks = {
            env: read(folder / env, env, stages.choose(settings, env).settings, self.manifest)
            for env in STAGES
        }
        self.release = msgspec.json.decode((folder / "release.json").read_bytes(), type=Release)


def synthesise(root: Path, out: Path, *envs: str, seed: str = "0", nag: bool = False) -> None:
    """Run CDK over the repository at `root`, and cdk-nag over what it makes."""
    done = asked(root, out, *envs, seed=seed, nag=nag)
    assert done.returncode == 0, done.stderr


def asked(
    root: Path, out: Path, *envs: str, seed: str = "0", nag: bool = False
) -> subprocess.CompletedProcess[str]:
    """How that ends."""
    return subprocess.run(
        [sys.executable, Path(__file__).parent / "synthesised.py", out, *envs],
        cwd=root,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": f"{ROOT / 'src'}:{root}",
            "PYTHONHASHSEED": seed,
            "CDK_VALIDATION": "false",
            "NAG": "1" if nag else "",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def once(factory: pytest.TempPathFactory, name: str, root: Path, *envs: str, nag: bool = False) -> Path:
    """The folder of these stages, made by the first of a run's workers that asks."""
    shared = factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "release.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            synthesise(root, folder, *envs, nag=nag)
    return folder


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """All stages of this repository."""
    return Synthesised(once(tmp_path_factory, "synthesised", ROOT, *STAGES, nag=True))


def of_the_shop(factory: pytest.TempPathFactory, env: str) -> Stage:
    """A stage of a service that declares what the others do not; all are synthesised together."""
    root = ROOT / "tests" / "data" / "stacks"
    return Stage(env, once(factory, "synthesised-shop", root, *SHOPS, nag=True) / env)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage without a way out."""
    return of_the_shop(tmp_path_factory, "shut")


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage with everything that one can pay for."""
    return of_the_shop(tmp_path_factory, "full")


@pytest.fixture(scope="session")
def six(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage whose way out is IPv6."""
    return of_the_shop(tmp_path_factory, "six")


@pytest.fixture(scope="session", params=STAGES)
def stage(synthesised: Synthesised, request: pytest.FixtureRequest) -> Stage:
    """Each stage in turn."""
    return synthesised.stages[request.param]


@pytest.fixture(scope="session")
def dev(synthesised: Synthesised) -> Stage:
    """The stage dev."""
    return synthesised.stages["dev"]


@pytest.fixture(scope="session")
def prod(synthesised: Synthesised) -> Stage:
    """The stage prod."""
    return synthesised.stages["prod"]
