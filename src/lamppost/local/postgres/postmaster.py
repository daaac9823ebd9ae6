"""The postmaster of one data folder, found by its own lock file and never mistaken for another process.

`postmaster.pid` holds by line: pid, data folder, start time, port, socket folder, address, memory key, state.
A pid may have been given to someone else since, so the process's command line must name the same data folder,
and signals go through a handle of that very process where the system has one (Linux's pidfd).
"""

import os
import select
import signal
import subprocess
import time
from pathlib import Path

LOCK_FILE = "postmaster.pid"
# Fast (clients are sent away), at once, by force: what is committed survives each. With seconds of patience.
STOPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

HAS_HANDLES = hasattr(os, "pidfd_open")
HAS_PROC = Path("/proc/self/cmdline").exists()


class Postmaster:
    """A running server that we found, not one that we started."""

    def __init__(self, pid: int, command: tuple[str, ...], handle: int | None) -> None:
        self.pid = pid
        self.command = command
        self._handle = handle

    def running(self) -> bool:
        """Whether this very process still runs."""
        if self._handle is not None:
            return not _readable(self._handle, 0)
        return command_line(self.pid) == self.command

    def stop(self) -> None:
        """Stop it, by `STOPS`."""
        for number, seconds in STOPS:
            self._send(number)
            if self._wait(seconds):
                break
        self.close()

    def close(self) -> None:
        """Let go of it without touching it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _send(self, number: signal.Signals) -> None:
        try:
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, number)
            elif self.running():
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def _wait(self, seconds: float) -> bool:
        if self._handle is not None:
            return _readable(self._handle, seconds)
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def find(data: Path) -> Postmaster | None:
    """The server that runs on `data` now, or None."""
    pid = _number(_lines(data), 0)
    if pid is None or pid <= 0:
        return None
    handle = _handle(pid)
    # First the handle, then the look: what we look at can no longer become another process.
    command = command_line(pid)
    if command and Path(command[0]).name in {"postgres", "postmaster"} and _works_in(pid, command, data):
        return Postmaster(pid, command, handle)
    if handle is not None:
        os.close(handle)
    return None


def port(data: Path) -> int | None:
    """The port its lock file names."""
    return _number(_lines(data), 3)


def accepts(data: Path, pid: int) -> bool:
    """Whether the server with this pid says that it takes connections: what `pg_ctl -w` reads as well."""
    lines = _lines(data)
    return _number(lines, 0) == pid and len(lines) > 7 and lines[7].strip() == "ready"


def forget_impostor(data: Path) -> None:
    """Remove a lock file whose pid is now someone else's, or a dead server nobody has reaped.

    PostgreSQL would refuse to start for as long as that pid exists. Only for a caller that holds the folder's
    lock. Backends of a dead server still keep a new one out: their shared memory is found by the folder.
    """
    pid = _number(_lines(data), 0)
    if pid and _exists(pid) and find(data) is None:
        (data / LOCK_FILE).unlink(missing_ok=True)


def command_line(pid: int) -> tuple[str, ...]:
    """The words of a process's command line; none when there is no such process, or only its remains."""
    if HAS_PROC:
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ()
        return tuple(os.fsdecode(word) for word in raw.split(b"\0") if word)
    said = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
    return tuple(said.stdout.decode(errors="replace").split())


def _works_in(pid: int, command: tuple[str, ...], data: Path) -> bool:
    # A postmaster stands in its data folder, which survives a rename; elsewhere its words must do.
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return str(data) in command


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _lines(data: Path) -> list[str]:
    try:
        return (data / LOCK_FILE).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _number(lines: list[str], index: int) -> int | None:
    text = lines[index].strip() if len(lines) > index else ""
    return int(text) if text.isdecimal() else None


def _handle(pid: int) -> int | None:
    if not HAS_HANDLES:
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _readable(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
