"""The account of a test worker, with the first release in it; the assemblies are made once for a run."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import assembly, releases
from tests.acceptance.account import AT_LENGTH, Account
from tests.acceptance.assembly import Stack
from tests.acceptance.deploying import Outcome
from tests.acceptance.releases import STAGE
from tests.running import ROOT

# What only `make accept` runs: CDK's command line, and every function asked for every right.
collect_ignore = [] if AT_LENGTH in os.environ else ["test_acceptance_cdk.py", "test_acceptance_roles.py"]
# Names the file.
REPORT = "ACCEPT_REPORT"
Assemblies = dict[str, tuple[Stack, ...]]


class System:
    """The account, the releases' stacks, how each deployment ended, and which stacks stand now, by name."""

    def __init__(self, account: Account, stacks: Assemblies) -> None:
        self.account = account
        self.stacks = stacks
        self.root = ROOT
        self.outcomes: list[Outcome] = []
        self.standing: dict[str, Stack] = {}
        self.deploy("first")
        assert all(each.done for each in self.outcomes), self.outcomes[-1]

    def deploy(self, release: str) -> list[Outcome]:
        """Deploy a release's stacks in their order; as CDK does, end with the first that fails."""
        done: list[Outcome] = []
        for stack in self.stacks[release]:
            done.append(self.account.deployer.deploy(stack))
            if not done[-1].done:
                break
            self.standing[stack.name] = stack
        self.outcomes += done
        return done


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the releases. The first of a run's workers to ask makes them."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    folder = shared / "releases"
    with (shared / "releases.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        made = releases.places(folder)
        if not (folder / "done").exists():
            releases.write(folder)
            places = [str(place) for each in made.values() for place in (each.root, each.assembly)]
            script = Path(__file__).with_name("synthesising.py")
            done = subprocess.run(
                [sys.executable, script, STAGE, *places],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "CDK_VALIDATION": "false"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def stacks(assemblies: Path) -> Assemblies:
    """Every release's stacks."""
    return {name: assembly.read(each.assembly) for name, each in releases.places(assemblies).items()}


@pytest.fixture(scope="session")
def system(stacks: Assemblies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """An account with the first release."""
    every = [stack for release in stacks.values() for stack in release]
    account = Account(tmp_path_factory.mktemp("account") / "here", every)
    try:
        made = System(account, stacks)
        yield made
        tell(made)
    finally:
        account.close()


def tell(system: System) -> None:
    """Write down for `make accept` how each stack went in, and what stood in for the emulator."""
    if REPORT not in os.environ:
        return
    report = {
        "stacks": [[each.stack, each.status, round(each.took, 2)] for each in system.outcomes],
        "notes": system.account.notes(),
    }
    with Path(os.environ[REPORT]).open("a") as lines:
        lines.write(json.dumps(report) + "\n")


@pytest.fixture(scope="session")
def account(system: System) -> Account:
    """That account."""
    return system.account
