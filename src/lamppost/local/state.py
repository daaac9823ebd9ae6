"""Where a running system tells that it runs: `up.json` in its data folder, and the lock beside it."""

import fcntl
import os
import secrets
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError

_LOCK = "lock"


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
    """One runner per data folder. The kernel frees it with the process, however that ends.

    Raises `OperatorError` when another has it, or when nothing can be written there.
    """

    def __init__(self, data: Path) -> None:
        try:
            data.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(data / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as refused:
            raise OperatorError(
                f"nothing can be written in {data}: {refused.strerror}",
                fix="give this user the folder, or choose another with --data",
                code="data_folder",
            ) from refused
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise OperatorError(
                f"a system is already running on {data}{_who(data, holder)}",
                fix="use it, stop it with `lamppost down`, or start another with --data DIR and other ports",
                code="already_running",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another runner in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _who(data: Path, holder: str) -> str:
    running = read(data)
    if running is not None and str(running.pid) == holder:
        return f" (pid {holder}, console {running.console})"
    return f" (pid {holder}, still starting or stopping)" if holder else ""


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
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None
    except PermissionError as refused:
        raise OperatorError(
            f"{data} belongs to another user", fix="ask as the user who started it", code="data_folder"
        ) from refused


def forget(data: Path) -> None:
    """Take the announcement back."""
    (data / "up.json").unlink(missing_ok=True)
