"""The wheels of a layer: fetched by their hashes, kept by their hashes, unpacked without running anything.

The store is safe to share and to lose: each file is read only when its hash is one that the lock names.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from lamppost.errors import OperatorError
from lamppost.pack.target import Target
from lamppost.pack.zips import unzipped

_LINE = re.compile(r"^(?P<pin>[a-z0-9.-]+==\S+)(?: ; python_full_version < '3\.(?P<before>\d+)')? *$")


class Pin(msgspec.Struct, frozen=True, order=True):
    """One release, `psycopg==3.3.9`, and the SHA-256 of every file of it that is trusted."""

    name: str
    hashes: tuple[str, ...]

    def __str__(self) -> str:
        return " \\\n    ".join((self.name, *(f"--hash=sha256:{one}" for one in self.hashes)))


def default_store() -> Path | None:
    """The user's: `$XDG_CACHE_HOME/lamppost/wheels`, else in `~/.cache`; None where there is no home."""
    named = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(named) if named else Path.home() / ".cache") / "lamppost" / "wheels"
    except RuntimeError:
        return None


def locked(lock: Path, target: Target) -> tuple[Pin, ...]:
    """What a lock file pins for `target`. Raises `OperatorError` where it is missing or not understood."""
    try:
        text = lock.read_text()
    except FileNotFoundError as missing:
        raise OperatorError(
            f"{lock} is missing: it says what a layer holds", fix="restore it", code="pack_lock"
        ) from missing
    pins = []
    for entry in text.replace("\\\n", " ").splitlines():
        if not entry.strip() or entry.startswith("#"):
            continue
        head, *hashes = re.split(r"\s+--hash=sha256:", entry.rstrip())
        said = _LINE.match(head)
        if said is None or not hashes:
            raise OperatorError(
                f"{lock.name}: {head!r} is not a pinned release with hashes",
                fix="run `make lock`",
                code="pack_lock",
            )
        if said["before"] is None or target.minor < int(said["before"]):
            pins.append(Pin(said["pin"], tuple(sorted(hashes))))
    return tuple(sorted(pins))


def fetched(pins: Sequence[Pin], target: Target, store: Path) -> list[Path]:
    """The wheels of `pins`, from `store`, else from the package index. Raises `OperatorError`."""
    key = hashlib.sha256(msgspec.json.encode((str(target), target.platforms, pins))).hexdigest()
    index = store / f"{key[:16]}.json"
    trusted = {one for pin in pins for one in pin.hashes}
    try:
        known = msgspec.json.decode(index.read_bytes(), type=list[str])
        wheels = [store / name for name in known]
        if all(_digest(wheel) in trusted for wheel in wheels):
            return wheels
    except (FileNotFoundError, msgspec.DecodeError):
        pass
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store) as folder:
        wheels = [wheel.replace(store / wheel.name) for wheel in _download(pins, target, Path(folder))]
        beside = Path(folder) / index.name
        beside.write_bytes(msgspec.json.encode([wheel.name for wheel in wheels]))
        beside.replace(index)
    return wheels


def unpacked(wheel: Path) -> dict[str, bytes]:
    """What installing `wheel` would put on the path of imports. Scripts and headers are left out."""
    return {name: content for name, content in unzipped(wheel.read_bytes()).items() if ".data/" not in name}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(pins: Sequence[Pin], target: Target, folder: Path) -> list[Path]:
    lock = folder / "lock.txt"
    lock.write_text("".join(f"{pin}\n" for pin in pins))
    platforms = [word for tag in target.platforms for word in ("--platform", tag)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--implementation", "cp"),
            *("--python-version", target.python, *platforms),
            *("--dest", str(folder), "--requirement", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != len(pins):
        raise OperatorError(
            f"pip did not fetch the wheels for {target}: {done.stderr.strip().splitlines()[-1:]}",
            fix="look whether the package index can be reached, and pip runs in this environment",
            code="pack_wheels",
        )
    return wheels
