"""A server for one run: an empty cluster in a folder of its own, stopped and removed at the end.

A run that is killed with -9 cannot clean up; the next one finds its folder, whose lock nobody holds any more,
stops the server in it and removes it.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lamppost.errors import OperatorError
from lamppost.local.postgres import postmaster
from lamppost.local.postgres.cluster import Cluster
from lamppost.local.postgres.lock import FolderLock

PREFIX = "lamppost-throwaway-"
# Nothing of it is needed tomorrow; rows read are counted in one process, and nobody vacuums in between.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_parallel_maintenance_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_locks_per_transaction": "256",
    "max_wal_size": "4GB",
}
# A folder is made a moment before its lock is taken.
YOUNG = 60.0


@contextmanager
def server(programs: Path | None = None, changes: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A running server, gone afterwards whatever happens inside.

    `programs` names a bin folder; without it the usual one is found. Raises `OperatorError` when there is
    no PostgreSQL, or it does not start.
    """
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    cluster = Cluster(folder, changes=SETTINGS | dict(changes or {}), programs=programs)
    try:
        cluster.launch()
        cluster.ready()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Stop and remove what runs of ours left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            found = folder.stat()
        except OSError:
            continue
        if found.st_uid == os.geteuid() and time.time() - found.st_mtime > YOUNG:
            _remove(folder)


def _remove(folder: Path) -> None:
    lock = FolderLock(folder)
    try:
        lock.take()
    except OperatorError:
        # Somebody uses it at this moment.
        return
    left = postmaster.find(folder / "cluster")
    if left is not None:
        left.stop()
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
