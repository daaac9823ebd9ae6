"""A small JSON file that only its owner reads, written whole or not at all.

Every process that opens it sees the others' writes: a reader looks whether the file changed,
a writer holds a lock from reading to renaming.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from lamppost.errors import OperatorError

T = TypeVar("T")


class PrivateFile(Generic[T]):
    """The value of type `kind` that stands in `path`, or `kind()` while there is no file."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kind = kind
        self._seen: tuple[int, int, int] | None = None
        self._value = kind()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self) -> T:
        """What the file says now. Not to be changed: `change()` does that."""
        mark = self._mark()
        if mark != self._seen:
            self._value = self._load()
            self._seen = mark
        return self._value

    @contextmanager
    def change(self) -> Iterator[T]:
        """The value, to be changed in place. Written when the block ends well, forgotten when it raises."""
        with self._locked():
            value = self._load()
            yield value
            self._write(msgspec.json.format(msgspec.json.encode(value), indent=1))
            self._value, self._seen = value, self._mark()

    def _load(self) -> T:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return self._kind()
        except msgspec.DecodeError as broken:
            raise OperatorError(
                f"{self._path} is not what was written there: {broken}",
                fix="repair it, or move it away to start empty",
                code="file_broken",
            ) from broken

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _write(self, content: bytes) -> None:
        # The lock makes the name of the unfinished file ours; one left by a crash is overwritten.
        unfinished = self._path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
