"""Tools that judge templates and workflows: each in an environment of its own, made where it is first needed.

What goes into it is locked with hashes in requirements/gates, which `make lock` compiles.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import peers
from tests.running import ROOT

LOCKS = ROOT / "requirements" / "gates"


def tool(name: str) -> Path:
    """The program `name`, as requirements/gates/{name}.txt says."""
    lock = LOCKS / f"{name}.txt"
    state = hashlib.sha256(sys.version.encode() + lock.read_bytes()).hexdigest()[:12]
    folder = peers.HOME / f"{name}-{state}"
    peers.HOME.mkdir(parents=True, exist_ok=True)
    with (peers.HOME / f"{name}.lock").open("w") as turn:
        # Test workers start together: one installs, the others wait.
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
            subprocess.run(
                [*pip, "--only-binary", ":all:", "-r", lock], check=True, stderr=subprocess.DEVNULL
            )
            (folder / "done").touch()
    return folder / "bin" / name


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name`, filled by the first of a run's workers that asks."""
    shared = factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "done").touch()
    return folder
