"""Who is in the way, and how far an index is: looked up by a second connection while a statement takes long.

Afterwards nobody knows. One thread for a run, and a connection only once a statement is slow.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import psycopg

from lamppost.migrate.events import Event, Progress

# Text in quotes may be a person's or a secret; the rest of a query says enough about who holds the lock.
BLOCKERS = """
select format('pid %%s (%%s, %%s since %%s)%%s', activity.pid,
              coalesce(nullif(activity.application_name, ''), 'unnamed'),
              coalesce(activity.state, 'state hidden'),
              coalesce(date_trunc('second', activity.xact_start)::text, 'unknown'),
              coalesce(': ' || nullif(left(regexp_replace(regexp_replace(
                  activity.query, '''[^'']*(''|$)', '''…''', 'g'), '\\s+', ' ', 'g'), 80), ''), ''))
  from unnest(pg_blocking_pids(%s)) as blocking(pid)
  join pg_stat_activity as activity on activity.pid = blocking.pid
 limit 1
"""
BUILDING = """
select coalesce(index_relid::regclass::text, relid::regclass::text), phase,
       case when blocks_total > 0 then 100 * blocks_done / blocks_total
            when tuples_total > 0 then 100 * tuples_done / tuples_total
            when lockers_total > 0 then 100 * lockers_done / lockers_total
       end
  from pg_stat_progress_create_index
 where pid = %s
"""
UNSEEN = "a session that has gone since"


class Lookout:
    """Watches one backend while the `with` block runs. `seen` is the last session that blocked it."""

    def __init__(self, conninfo: str, pid: int, every: float, report: Callable[[Event], None]) -> None:
        self.seen = UNSEEN
        self.conninfo = conninfo
        self._pid = pid
        self._every = every
        self._report = report
        self._file = ""
        self._since: float | None = None
        self._told: tuple[Any, ...] | None = None
        self._told_at = 0.0
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

    @contextmanager
    def watching(self, file: str) -> Iterator[None]:
        """A statement of `file` runs inside this block."""
        self.seen, self._file, self._since = UNSEEN, file, time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            if self._slow():
                try:
                    self._look_long()
                except psycopg.Error:
                    # A name would be nice to have; the migration itself reports what is wrong.
                    continue

    def _slow(self) -> bool:
        since = self._since
        return since is not None and time.monotonic() - since >= self._every

    def _look_long(self) -> None:
        with psycopg.connect(
            self.conninfo, autocommit=True, connect_timeout=5, application_name="lamppost migrate lookout"
        ) as connection:
            self._look(connection)
            while not self._over.wait(self._every):
                if self._slow():
                    self._look(connection)

    def _look(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        row = connection.execute(BLOCKERS, (self._pid,)).fetchone()
        if row is not None:
            self.seen = str(row[0])
        build = connection.execute(BUILDING, (self._pid,)).fetchone()
        if build is not None and build != self._told and time.monotonic() - self._told_at >= 1:
            self._told, self._told_at = build, time.monotonic()
            index, phase, percent = build
            self._report(Progress(self._file, index, phase, None if percent is None else int(percent)))
