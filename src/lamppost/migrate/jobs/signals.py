"""What a database shows when a job is too much for it: each signal has a name, a value and a limit.

They are read between batches, once a second at most. A job waits while one is over its limit, and says which;
it never sleeps for the sake of sleeping.
"""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from lamppost.errors import AuthorError
from lamppost.migrate.ledger import Connection

EVERY = 1.0
MEGABYTE = 1_000_000

# Who may see other roles' sessions, replicas and vacuums; RDS gives it to its administrator.
SEES = "select pg_has_role(current_user, 'pg_read_all_stats', 'usage')"
# A base backup is a WAL sender too, and no replica. A replica that stands still has no new replay_lag, but
# falls behind in bytes.
LOOK = """
select (select coalesce(max(extract(epoch from replay_lag)), 0)::float8
          from pg_stat_replication where state in ('streaming', 'catchup')),
       (select coalesce(max(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), replay_lsn)), 0)::float8
          from pg_stat_replication where state in ('streaming', 'catchup')),
       (select coalesce(max(extract(epoch from clock_timestamp() - activity.query_start)), 0)::float8
          from pg_stat_progress_vacuum as vacuum
          join pg_stat_activity as activity using (pid)
         where vacuum.datname = current_database()
           and (vacuum.relid = %(table)s
                or exists (select from pg_inherits where inhrelid = vacuum.relid and inhparent = %(table)s))),
       (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0)::float8
          from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
           and coalesce(backend_xid, backend_xmin) is not null),
       (select count(distinct pid)::float8
          from pg_locks
         where not granted and coalesce(database, 0) in
               (0, (select oid from pg_database where datname = current_database()))),
       pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8
"""


class Signal(msgspec.Struct, frozen=True):
    """`limit` in `unit`; None leaves it unwatched. `text` is a sentence with {value}, {limit} and {table}."""

    name: str
    limit: float | None
    unit: str
    about: str
    text: str
    private: bool = False


SIGNALS = (
    Signal(
        "replica-lag", 10, "s", "how late a replica replays", "a replica is {value:.0f} s late", private=True
    ),
    Signal(
        "replica-behind",
        256,
        "MB",
        "how much a replica has yet to replay",
        "a replica is {value:.0f} MB behind",
        private=True,
    ),
    Signal(
        "vacuum",
        0,
        "s",
        "how long a vacuum works on the table",
        "vacuum works on {table} ({value:.0f} s)",
        private=True,
    ),
    Signal(
        "old-transaction",
        300,
        "s",
        "the age of the oldest transaction: no row older than it can be cleaned up",
        "a transaction is open for {value:.0f} s, and nothing can be cleaned up meanwhile",
        private=True,
    ),
    Signal(
        "lock-queue",
        10,
        "sessions",
        "how many sessions wait for a lock",
        "{value:.0f} sessions wait for locks",
    ),
    Signal(
        "wal-rate", None, "MB/s", "how fast the write-ahead log grows", "the WAL grows by {value:.0f} MB/s"
    ),
)
DEFAULTS: Mapping[str, float | None] = MappingProxyType({signal.name: signal.limit for signal in SIGNALS})


class Reading(msgspec.Struct, frozen=True):
    """A signal that is over its limit."""

    signal: str
    value: float
    limit: float
    text: str


def limits(changes: Mapping[str, float | None]) -> dict[str, float | None]:
    """The limit of every signal with these `changes`; None is off. Raises `AuthorError` for unknown names."""
    for name in changes:
        if name not in DEFAULTS:
            raise AuthorError(
                f"there is no signal {name!r}", fix="it is one of: " + ", ".join(DEFAULTS), code="job_signal"
            )
    return {**DEFAULTS, **changes}


class Watch:
    """The signals of one job's database. Ask it as the role that logged in, not as the tables' owner."""

    def __init__(self, table: str, oid: int, limits: Mapping[str, float | None]) -> None:
        self._table = table
        self._oid = oid
        self._limits = limits
        self._sees: bool | None = None
        self._looked = 0.0
        self._wal: tuple[float, float] | None = None

    def due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._looked >= EVERY

    def unseen(self, connection: Connection) -> tuple[str, ...]:
        """The signals this role may not see. They are not watched from now on."""
        row = connection.execute(SEES).fetchone()
        self._sees = bool(row and row[0])
        return tuple(s.name for s in SIGNALS if s.private and not self._sees and self._limit(s) is not None)

    def look(self, connection: Connection) -> tuple[Reading, ...]:
        """The signals that are over their limits now."""
        now = self._looked = time.monotonic()
        row = connection.execute(LOOK, {"table": self._oid}).fetchone()
        assert row is not None, "a select without a table has one row"
        lag, behind, vacuum, oldest, queue, wal = row
        values = (lag, behind / MEGABYTE, vacuum, oldest, queue, self._rate(now, wal))
        return tuple(
            reading
            for signal, value in zip(SIGNALS, values, strict=True)
            if (reading := self._judge(signal, value))
        )

    def _judge(self, signal: Signal, value: float) -> Reading | None:
        limit = self._limit(signal)
        if limit is None or value <= limit or (signal.private and not self._sees):
            return None
        text = signal.text.format(value=value, table=self._table)
        return Reading(signal.name, round(value, 3), limit, f"{text}; {_limit_text(signal, limit)}")

    def _limit(self, signal: Signal) -> float | None:
        return self._limits[signal.name]

    def _rate(self, now: float, wal: float) -> float:
        """Megabytes a second since the last look."""
        before, self._wal = self._wal, (now, wal)
        return (wal - before[1]) / MEGABYTE / (now - before[0]) if before and now > before[0] else 0.0


def _limit_text(signal: Signal, limit: float) -> str:
    return f"{signal.name} goes up to {limit:g} {signal.unit}" if limit else f"{signal.name} keeps jobs off"


def describe() -> list[dict[str, Any]]:
    """Every signal with its limit and unit, for people to choose from."""
    return [{"name": s.name, "limit": s.limit, "unit": s.unit, "about": s.about} for s in SIGNALS]
