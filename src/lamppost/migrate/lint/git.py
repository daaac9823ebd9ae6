"""Asks git, in the folder it is asked about. Nothing here writes, waits for a lock or starts a program."""

import os
import subprocess
from pathlib import Path

from lamppost.errors import OperatorError

# A repository's own settings must not make reading it run something, nor change what is answered.
_CALM = ("--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "diff.relative=false")
# What git sets for its hooks: relative to where the hook began, and naming an index of its own.
_OF_HOOKS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"}


class Git:
    """The repository `place` lies in. Raises `OperatorError` where there is none."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._complaint = ""
        top = self.ask("rev-parse", "--show-toplevel")
        if top is None:
            raise OperatorError(
                f"nothing tells what has changed in {place}: {self._complaint}",
                fix="run it in a checkout, or leave out --changed",
                code="lint_git",
            )
        self.top = top.rstrip("\n")

    def ask(self, *words: str) -> str | None:
        """What git answers; None when it refuses. Raises `OperatorError` where there is no git."""
        try:
            done = subprocess.run(
                ["git", "-C", str(self._place), *_CALM, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env=_environment(),
            )
        except OSError as missing:
            raise OperatorError(
                "--changed asks git, and there is no git here", fix="install git", code="lint_git"
            ) from missing
        if done.returncode != 0:
            self._complaint = next(iter(os.fsdecode(done.stderr).splitlines()), "git refuses")
            return None
        return os.fsdecode(done.stdout)

    def list(self, *words: str) -> list[str]:
        """The names git answers with `-z`. Raises `OperatorError` when it refuses."""
        said = self.ask(*words)
        if said is None:
            raise OperatorError(
                f"git {words[0]} failed: {self._complaint}",
                fix=f"see what `git status` says in {self.top}",
                code="lint_git",
            )
        return said.split("\0")[:-1]

    def commit(self, name: str) -> str | None:
        """The commit a name stands for."""
        said = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return said.strip() if said else None


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    return {**ours, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
