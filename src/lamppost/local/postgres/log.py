"""What the server says: one file, turned over before it grows large, its last lines at hand for errors."""

import os
from pathlib import Path
from typing import IO

TURN_OVER = 8 * 1024 * 1024
LAST_LINES = 12


class Log:
    """The server's log file, and where in it the latest start begins."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._began = 0

    def opened(self) -> IO[bytes]:
        """The file, for a server about to start."""
        if self.path.exists() and self.path.stat().st_size > TURN_OVER:
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._began = os.fstat(handle).st_size
        return os.fdopen(handle, "ab")

    def tail(self) -> str:
        """The last lines since the latest start."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._began)
                lines = file.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LAST_LINES:])

    def blames_leftovers(self) -> bool:
        """Whether the latest start was refused because parts of a dead server still stand."""
        said = self.tail()
        return 'lock file "postmaster.pid"' in said or "pre-existing shared memory block" in said

    def blames_port(self) -> bool:
        """Whether the latest start was refused because someone else has the port."""
        return "Address already in use" in self.tail()
