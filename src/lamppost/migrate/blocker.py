"""Who is in the way: looked up by a second connection while a statement waits; afterwards nobody knows."""

import threading
from types import TracebackType
from typing import Any

import psycopg

BLOCKERS = """
select format('pid %%s (%%s, %%s since %%s)', activity.pid,
              coalesce(nullif(activity.application_name, ''), 'unnamed'),
              coalesce(activity.state, 'state hidden'),
              coalesce(date_trunc('second', activity.xact_start)::text, 'unknown'))
  from unnest(pg_blocking_pids(%s)) as blocking(pid)
  join pg_stat_activity as activity on activity.pid = blocking.pid
 limit 1
"""


class Lookout:
    """Watches one backend while the `with` block runs. `seen` is the last session that blocked it."""

    def __init__(self, conninfo: str, pid: int, every: float) -> None:
        self.seen = "a session that has gone since"
        self._conninfo = conninfo
        self._pid = pid
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="migration-lookout", daemon=True)

    def __enter__(self) -> "Lookout":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._over.wait(self._every):
            return
        try:
            with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5) as connection:
                self._look(connection)
                while not self._over.wait(self._every):
                    self._look(connection)
        except psycopg.Error:
            # A name would be nice to have; the migration itself reports what is wrong.
            return

    def _look(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        row = connection.execute(BLOCKERS, (self._pid,)).fetchone()
        if row is not None:
            self.seen = str(row[0])
