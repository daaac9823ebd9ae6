"""Where a running system tells that it runs: `up.json` in its data folder, and the lock beside it."""

import fcntl
import os
import secrets
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError


class Running(msgspec.Struct, frozen=True):
    """A running system's addresses. `token` opens its control door; the file is 0600."""

    pid: int
    token: str
    apis: dict[str, str]
    console: str
    inbox: str
    aws: str
    postgres: str
    started_at: float

    def public(self) -> dict[str, object]:
        """What may be shown: everything but the token."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "token"}


class Lock:
    """One runner per data folder. The kernel frees it with the process, however that ends."""

    def __init__(self, data: Path) -> None:
        self._descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            running = read(data)
            who = f" (pid {running.pid}, console {running.console})" if running else ""
            raise OperatorError(
                f"a system is already running on {data}{who}",
                fix="use it, stop it with `lamppost down`, or start another with --data DIR and other ports",
                code="already_running",
            ) from None

    def release(self) -> None:
        """Let another runner in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def write(data: Path, running: Running) -> None:
    """Announce a running system."""
    path = data / "up.json"
    beside = path.with_suffix(f".{secrets.token_hex(4)}")
    beside.touch(mode=0o600)
    beside.write_bytes(msgspec.json.encode(running))
    beside.replace(path)


def read(data: Path) -> Running | None:
    """The system that announced itself in `data`; it may have died since."""
    try:
        return msgspec.json.decode((data / "up.json").read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def forget(data: Path) -> None:
    """Take the announcement back."""
    (data / "up.json").unlink(missing_ok=True)
