"""One server for a whole test run: the first worker starts it, others join, the last one to leave stops it.

Workers meet at a lock file in the run's temporary folder and each leaves a mark with its pid there. A worker
that was killed cannot remove its mark, so only marks of living processes count.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamppost.errors import OperatorError
from lamppost.local.postgres import address
from lamppost.local.postgres.cluster import Cluster

# A test run that loses power is run again.
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}

# From here on the rounds of a password's hash can be set.
SINCE_16 = 160000


class SharedCluster:
    """The server in `folder`, as one of several processes sees it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._marks = folder / "workers"

    def join(self) -> address.Address:
        """Start the server unless somebody did, and return where it answers."""
        self._marks.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if not self._others():
                self._cluster().leave()
                self._hurry()
            (self._marks / str(os.getpid())).touch()
        found = address.read(self.folder)
        if found is None:
            raise OperatorError(
                f"the test server in {self.folder} left no address", fix="run the tests again"
            )
        return found

    def leave(self, *, keep: bool = False) -> None:
        """Take the mark away; with the last one, stop the server unless it should be kept."""
        with self._alone():
            (self._marks / str(os.getpid())).unlink(missing_ok=True)
            if not self._others() and not keep:
                self._cluster().stop()

    def _cluster(self) -> Cluster:
        """The server, started or found running."""
        cluster = Cluster(self.folder, changes=SETTINGS)
        cluster.launch()
        cluster.ready()
        return cluster

    def _hurry(self) -> None:
        """Let logging in cost little: a run logs in thousands of times, and its passwords guard nothing."""
        import psycopg
        from psycopg import sql

        found = address.read(self.folder)
        if found is None:
            return
        with psycopg.connect(found.dsn("postgres"), autocommit=True) as admin:
            if admin.info.server_version < SINCE_16:
                return
            admin.execute("alter system set scram_iterations = 1")
            admin.execute("select pg_reload_conf()")
            admin.execute("set scram_iterations = 1")
            admin.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(found.user), sql.Literal(found.password)
                )
            )

    def _others(self) -> list[int]:
        return [int(mark.name) for mark in self._marks.iterdir() if _runs(int(mark.name))]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "workers.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
