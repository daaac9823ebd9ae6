"""cfn-lint: AWS's own schemas and rules, over every template. In an environment of its own, pinned."""

import fcntl
import subprocess

from benchmarks import peers
from tests.cloud.conftest import Stage, Synthesised

PACKAGE = "cfn-lint==1.58.0"
# CDK states dependencies that follow from references too. It is its habit, and harmless.
HABITS = ["W3005"]


def test_cfn_lint_finds_nothing(synthesised: Synthesised, full: Stage, six: Stage) -> None:
    peers.HOME.mkdir(parents=True, exist_ok=True)
    with (peers.HOME / "cfn-lint.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        python = peers.python(PACKAGE)
    # Staging is prod in smaller sizes; a preview is dev that may be deleted.
    templates = [
        each for env in ("dev", "prod") for each in (synthesised.folder / env).glob("*.template.json")
    ]
    # What only the shop's stages have, each kind once.
    templates += [
        full.folder / f"{name}.template.json"
        for name in (
            "Shop-AccessStack-full",
            "Shop-DatabaseStack-full",
            "Shop-ApiStack-full",
            "ShopStack-full",
        )
    ]
    templates += six.folder.glob("Shop-NetworkStack-*.template.json")
    assert len(templates) >= 24
    done = subprocess.run(
        [python.parent / "cfn-lint", "--ignore-checks", *HABITS, "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
