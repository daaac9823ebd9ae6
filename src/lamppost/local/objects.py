"""Buckets on one machine: an object is one file, with what is known about it in its first line.

A file is written beside, synced and renamed, so an object is whole or not there, whatever dies when. Files
are named by the digest of their key: no key is a path, and two keys never meet in one file.
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from lamppost.errors import OperatorError

_UNFINISHED = ".new"
_OBJECTS = "[0-9a-f][0-9a-f]/*"
# Line breaks end the first line; JSON has none inside.
_LINE_MAX = 64 * 1024


class Meta(msgspec.Struct, frozen=True):
    """What is known of an object: bytes, MD5 (hex), when it came (whole seconds since 1970).

    `headers` are its own (content-type, x-amz-meta-*), `checksums` those it came with, by algorithm, base64.
    """

    key: str
    size: int
    etag: str
    at: int
    headers: dict[str, str]
    checksums: dict[str, str]


class Unwanted(Exception):
    """The object that is there now is not one that the writer wanted to replace."""


class ObjectStore:
    """Objects by bucket and key. Methods block; each may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # One runner has the data folder, so one lock decides between two writers.
        self._replacing = threading.Lock()

    def put(
        self, bucket: str, meta: Meta, body: bytes, *, wanted: Callable[[Meta | None], bool] | None = None
    ) -> None:
        """Keep an object in place of what `wanted` accepts. On return it is on the disk.

        Raises `Unwanted`, and `OperatorError` when the disk is full or refuses; then nothing has changed.
        """
        try:
            unfinished = self._write(bucket, meta, body)
        except OSError as refused:
            raise OperatorError(
                f"an object of {len(body)} bytes could not be written in {self._folder}: {refused.strerror}",
                fix="make room on the disk, and give this user the folder",
                code="object_unwritten",
            ) from refused
        try:
            path = self._path(bucket, meta.key)
            with self._replacing:
                if wanted is not None and not wanted(self.find(bucket, meta.key)):
                    raise Unwanted
                path.parent.mkdir(exist_ok=True, mode=0o700)
                unfinished.replace(path)
            _sync_folder(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)

    def find(self, bucket: str, key: str) -> Meta | None:
        """What is known of an object; None when there is none."""
        with self.opened(bucket, key) as found:
            return found[0] if found else None

    @contextmanager
    def opened(self, bucket: str, key: str) -> Iterator[tuple[Meta, IO[bytes]] | None]:
        """An object and its bytes as they are now, whoever replaces it meanwhile; None when there is none."""
        try:
            file = self._path(bucket, key).open("rb")
        except FileNotFoundError:
            yield None
            return
        with file:
            yield _first_line(file), file

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object, if there is one."""
        path = self._path(bucket, key)
        with self._replacing:
            path.unlink(missing_ok=True)

    def listed(self, bucket: str) -> list[Meta]:
        """Every object of a bucket, by the bytes of its key."""
        found = []
        for path in (self._folder / bucket).glob(_OBJECTS):
            try:
                with path.open("rb") as file:
                    found.append(_first_line(file))
            except FileNotFoundError:
                continue
        return sorted(found, key=lambda meta: meta.key.encode())

    def forget_unfinished(self, bucket: str) -> None:
        """Remove what a killed writer left. For the start, before anybody writes."""
        for left in (self._folder / bucket / _UNFINISHED).glob("*"):
            left.unlink(missing_ok=True)

    def expire(self, bucket: str, expired: Callable[[Meta], bool]) -> None:
        """Remove what has `expired`, whatever else goes on. A broken file stays: who asks for it is told."""
        for path in (self._folder / bucket).glob(_OBJECTS):
            try:
                with path.open("rb") as file:
                    gone = expired(_first_line(file))
                    with self._replacing:
                        # Replaced meanwhile, it is another object.
                        if gone and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                            path.unlink()
            except (FileNotFoundError, OperatorError):
                continue

    def _path(self, bucket: str, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / bucket / digest[:2] / digest

    def _write(self, bucket: str, meta: Meta, body: bytes) -> Path:
        folder = self._folder / bucket / _UNFINISHED
        # One by one: parents that mkdir makes on the way are open to everybody.
        for each in (self._folder, folder.parent, folder):
            each.mkdir(exist_ok=True, mode=0o700)
        path = folder / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                _write_all(file, msgspec.json.encode(meta) + b"\n")
                _write_all(file, body)
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path


def _write_all(file: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _first_line(file: IO[bytes]) -> Meta:
    try:
        return msgspec.json.decode(file.readline(_LINE_MAX), type=Meta)
    except msgspec.DecodeError as broken:
        raise OperatorError(
            f"{file.name} is not an object that was stored here: {broken}",
            fix="move it away: the object is then missing",
            code="file_broken",
        ) from broken


def _sync_folder(folder: Path) -> None:
    # The folder's own name too: it may be as new as the file.
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
