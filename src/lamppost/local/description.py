"""What the repository declares right now, and a copy of the code that declares it.

Functions run from the copy, as on AWS they run from a package: while an author is typing, while a
migration runs or after one failed, a new sandbox still loads the code that is being served.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import lamppost
from lamppost.derive.manifest import Manifest, read
from lamppost.errors import AuthorError

# What editors, interpreters and programs leave beside the code.
_PASSING = ("~", ".swp", ".tmp", ".log", ".pyc")
_MANIFEST = "manifest.json"
# A file that changes each time we look is not worth waiting for.
_LOOKS = 5


class Code(msgspec.Struct, frozen=True):
    """The services as they stood at one moment: what they declare, and the folder their copy lies in.

    `key` is the repository's fingerprint at that moment, `prints` that of each service.
    """

    manifest: Manifest
    folder: Path
    key: str = ""
    prints: dict[str, str] = {}

    @property
    def path(self) -> Path:
        """Where the manifest stands for the workers to read."""
        return self.folder / _MANIFEST


class Description:
    """Reads a repository's services; what was read last is kept in the data folder for a quick start."""

    def __init__(self, root: Path, data: Path) -> None:
        self._root = root
        self._copies = data / "code"
        self._fresh = True

    def read(self) -> Code:
        """The code as it stands now. Raises `AuthorError` with the author's mistake."""
        key, folder = self._copy()
        prints = {
            path.parent.name: fingerprint(self._root, path.parent.name)
            for path in self._root.glob("services/*/service.py")
        }
        if self._fresh:
            # Functions of an earlier run are gone; those of this run may still need what they began with.
            self._fresh = False
            self._forget_all_but(folder)
        try:
            return Code(read((folder / _MANIFEST).read_bytes()), folder, key, prints)
        except (FileNotFoundError, msgspec.DecodeError):
            pass  # never asked, refused, or written by another version
        raw = _ask(folder)
        beside = folder / f".{_MANIFEST}"
        beside.write_bytes(raw)
        beside.replace(folder / _MANIFEST)
        return Code(read(raw), folder, key, prints)

    def _copy(self) -> tuple[str, Path]:
        """The fingerprint now, and a copy of the services: made beside, so it is whole or not there."""
        for _ in range(_LOOKS):
            key = fingerprint(self._root)
            folder = self._copies / key[:12]
            if folder.is_dir():
                break
            beside = folder.with_suffix(".new")
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            for path, _stat in _files(self._root / "services"):
                _copy_file(Path(path), beside / Path(path).relative_to(self._root))
            beside.replace(folder)
            if fingerprint(self._root) == key:
                break
            # A file was saved while we copied: this copy is of no moment.
            folder.rename(beside)
        else:
            beside.replace(folder)
        return key, folder

    def _forget_all_but(self, kept: Path) -> None:
        for folder in self._copies.iterdir():
            if folder != kept:
                shutil.rmtree(folder, ignore_errors=True)


def _ask(folder: Path) -> bytes:
    asked = subprocess.run(
        [sys.executable, "-m", "lamppost.pack.discover", str(folder)],
        capture_output=True,
        cwd=folder,
        check=False,
    )
    if asked.returncode == 0:
        return asked.stdout
    try:
        said = msgspec.json.decode(asked.stdout, type=dict[str, str])
    except msgspec.DecodeError:
        raise AuthorError(asked.stderr.decode("utf-8", "replace").strip(), fix="mend what it says") from None
    raise AuthorError(said["what"], fix=said["fix"], code=said["code"])


def fingerprint(root: Path, service: str = "*") -> str:
    """Changes when a file of the services (or of one) changes, or Lamppost itself does."""
    digest = hashlib.sha256(f"{lamppost.__version__} {sys.version_info[:2]}".encode())
    folders = [root / "services" / service] if service != "*" else [root / "services", *_own_folders()]
    for folder in folders:
        for path, stat in _files(folder):
            digest.update(f"{path} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return digest.hexdigest()


def _own_folders() -> list[Path]:
    house = Path(lamppost.__file__).parent
    return [house / "declare", house / "derive"]


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files below `folder`. One that goes while we look was never there."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        if entry.name.startswith((".", "__pycache__")) or entry.name.endswith(_PASSING):
            continue
        if entry.is_dir():
            yield from _files(Path(entry.path))
            continue
        try:
            yield entry.path, entry.stat()
        except FileNotFoundError:
            continue


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
