"""What the repository declares right now: asked for in a process of its own, remembered by fingerprint."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import lamppost
from lamppost.derive.manifest import Manifest, read
from lamppost.errors import AuthorError

_WATCHED = (".py", ".sql", ".toml")


class Description:
    """Reads a repository's manifest; the last one is kept in the data folder for a quick start."""

    def __init__(self, root: Path, data: Path) -> None:
        self._root = root
        self._manifest = data / "manifest.json"
        self._key = data / "manifest.key"

    def read(self) -> Manifest:
        """The manifest as declared now. Raises `AuthorError` with the author's mistake."""
        key = fingerprint(self._root)
        if self._manifest.exists() and self._key.exists() and self._key.read_text() == key:
            try:
                return read(self._manifest.read_bytes())
            except msgspec.DecodeError:
                pass  # another version wrote it
        raw = self._ask()
        self._manifest.write_bytes(raw)
        self._key.write_text(key)
        return read(raw)

    def _ask(self) -> bytes:
        asked = subprocess.run(
            [sys.executable, "-m", "lamppost.pack.discover", str(self._root)],
            capture_output=True,
            cwd=self._root,
            check=False,
        )
        if asked.returncode == 0:
            return asked.stdout
        try:
            said = msgspec.json.decode(asked.stdout, type=dict[str, str])
        except msgspec.DecodeError:
            raise AuthorError(
                asked.stderr.decode("utf-8", "replace").strip(), fix="mend what it says"
            ) from None
        raise AuthorError(said["what"], fix=said["fix"], code=said["code"])

    @property
    def path(self) -> Path:
        """Where the manifest stands for the workers to read."""
        return self._manifest


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
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith((".", "__pycache__")):
                continue
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif entry.name.endswith(_WATCHED):
                yield entry.path, entry.stat()
