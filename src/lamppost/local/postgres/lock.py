"""One supervisor per folder: a record lock, which ends with its process and which forked workers lack."""

import fcntl
import os
from pathlib import Path

from lamppost.errors import OperatorError


class FolderLock:
    """The lock of one cluster's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    def take(self) -> None:
        """Make the folder, and take it unless it is ours already.

        Raises `OperatorError` naming the process that has it, or saying that nothing can be written there.
        """
        if self._handle is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as refused:
            raise OperatorError(
                f"nothing can be written in {self.folder}: {refused.strerror}",
                fix="give this user the folder, or choose another with --data",
                code="postgres_folder",
            ) from refused
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
            os.close(handle)
            raise OperatorError(
                f"the database in {self.folder} is already run by process {holder or '(unknown)'}",
                fix="stop that one first (lamppost down), or choose another --data folder",
                code="postgres_running",
            ) from held
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Let another supervisor in. Safe to call twice."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
