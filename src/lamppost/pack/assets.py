"""Every zip of a system, made once and kept under the digest of what went in."""

import contextlib
import os
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from lamppost.derive.manifest import Manifest
from lamppost.pack.bytecode import compiled
from lamppost.pack.plan import Kind, Plan, System, plan
from lamppost.pack.target import LAMBDA, Target
from lamppost.pack.zips import zipped

# A zip that no build has asked for in so long belongs to a state of the code that is gone.
_KEPT = 7 * 24 * 3600.0


class Asset(msgspec.Struct, frozen=True):
    """A zip. `digest` is of what went in (hexadecimal SHA-256); `size` and `unpacked` are bytes."""

    name: str
    kind: Kind
    digest: str
    path: Path
    size: int
    unpacked: int
    files: int


class Packed(msgspec.Struct, frozen=True):
    """All zips, and the names of the layers each function (`birthday.worker`) is given.

    Not `compiled` means that there is no byte code in them.
    """

    assets: tuple[Asset, ...]
    functions: dict[str, tuple[str, ...]]
    compiled: bool

    def asset(self, name: str) -> Asset:
        """The asset called `name`. Raises `KeyError`."""
        return {asset.name: asset for asset in self.assets}[name]


def pack(
    root: Path,
    manifest: Manifest,
    out: Path,
    *,
    store: Path,
    target: Target = LAMBDA,
    must_compile: bool = True,
) -> Packed:
    """The zips of the system below `root`, in the folder `out`; the rest is said at `plan`."""
    return make_all(plan(root, manifest, store=store, target=target, must_compile=must_compile), out)


def make_all(system: System, out: Path) -> Packed:
    """Every zip of `system`. Raises `AuthorError` and `OperatorError`."""
    with ThreadPoolExecutor() as pool:
        assets = tuple(pool.map(lambda one: make(one, out), system.plans))
    _forget(out)
    return Packed(assets, system.functions, all(one.python for one in system.plans))


def make(planned: Plan, out: Path) -> Asset:
    """The zip of one plan, made unless `out` holds it. Raises `AuthorError` and `OperatorError`."""
    path = out / f"{planned.name}-{planned.digest[:16]}.zip"
    try:
        os.utime(path)
        return _asset(planned, path)
    except (FileNotFoundError, zipfile.BadZipFile):
        pass
    files = planned.fill()
    if planned.python is not None:
        files |= compiled(files, planned.python, place=planned.where, own=planned.own)
    out.mkdir(parents=True, exist_ok=True)
    # Made beside and renamed: neither a crash half way nor another build sees a part of it.
    beside = path.with_suffix(f".{os.getpid()}.new")
    beside.write_bytes(zipped(files))
    beside.replace(path)
    return _asset(planned, path)


def largest(asset: Asset, count: int) -> list[tuple[str, int]]:
    """The files that take most of the zip, with their bytes in it."""
    with zipfile.ZipFile(asset.path) as archive:
        entries = sorted(archive.infolist(), key=lambda entry: (-entry.compress_size, entry.filename))
    return [(entry.filename, entry.compress_size) for entry in entries[:count]]


def _asset(planned: Plan, path: Path) -> Asset:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    size = path.stat().st_size
    return Asset(planned.name, planned.kind, planned.digest, path, size, unpacked, len(entries))


def _forget(out: Path) -> None:
    for path in (*out.glob("*.zip"), *out.glob("*.new")):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - _KEPT:
                path.unlink()
