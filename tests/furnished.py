"""A first start makes a cluster, its databases and their tables: two CPU seconds, sixty times in a run.

The second time a test starts the same services on a new folder, they are started once on a folder of the run,
and from then on new folders are copies of its PostgreSQL and secrets: a first start that has little to do.
Logs, code, parameters and traces are each system's own. Outside of a run of pytest, in a benchmark, nothing
of this happens; a test about the first start itself says `House(..., furnished=False)`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lamppost.local.postgres import address

_PLACE = "LAMPPOST_TEST_HOUSES"
_PARTS = ("postgres/cluster", "postgres/postgres.json", "settings/secrets.json")

Start = Callable[[Path], None]


@contextmanager
def place() -> Iterator[None]:
    """Where this run and the processes it starts keep their furnished houses; gone with the block."""
    if _PLACE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="lamppost-houses-", ignore_cleanup_errors=True) as folder:
        os.environ[_PLACE] = folder
        yield
        del os.environ[_PLACE]


def furnish(data: Path, root: Path, start: Start) -> None:
    """Give `data`, which does not exist, what a first start with the services of `root` would make.

    `start` starts and stops a system on a folder. The first time nothing is done: perhaps nobody asks again.
    """
    if _PLACE not in os.environ:
        return
    kept = Path(os.environ[_PLACE]) / _key(root)
    with _alone(kept.with_suffix(".lock")):
        if not kept.exists():
            kept.mkdir()
            return
        if not (kept / "made").exists():
            start(kept / "new")
            (kept / "new").rename(kept / "made")
    _copy(kept / "made", data)


def _key(root: Path) -> str:
    """What a first start depends on: the declarations and the migrations."""
    services = root / "services"
    read = sorted([*services.glob("*/service.py"), *services.glob("*/migrations/*.sql")])
    parts = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in read]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _copy(made: Path, data: Path) -> None:
    beside = data.with_name(f"{data.name}.new")
    # Without a database there are no secrets.
    for part in (one for one in _PARTS if (made / one).exists()):
        (beside / part).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        subprocess.run(["cp", "-a", "--reflink=auto", made / part, beside / part], check=True)
    shutil.copystat(made / "postgres", beside / "postgres")
    # Of its own: several systems run at once.
    found = address.read(beside / "postgres")
    assert found is not None
    address.write(beside / "postgres", msgspec.structs.replace(found, port=address.free_port()))
    beside.rename(data)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
