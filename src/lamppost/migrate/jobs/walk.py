"""Going through a table batch by batch, at the pace the database bears."""

import time
from collections.abc import Callable
from typing import Literal

from lamppost.migrate.files import Migration
from lamppost.migrate.header import Walk
from lamppost.migrate.jobs import key as keys
from lamppost.migrate.jobs import signals, state, statement
from lamppost.migrate.jobs.batch import Batches, Manner, Taken
from lamppost.migrate.jobs.events import Batch, Begun, JobEvent, Throttled, Unseen, Unthrottled
from lamppost.migrate.jobs.session import Session

End = Literal["done", "paused", "stopped"]

# Rows that came in behind the end are gone after; there are fewer each time, and the code that is live
# writes new ones right. A statement that moves rows ahead would be followed no further either.
CATCH_UPS = 3
POLL = 0.1
# The same reason for minutes is worth another line now and then.
REMIND = 10.0


class Walker:
    """One walk, by the session that has the job's lock."""

    def __init__(
        self,
        session: Session,
        migration: Migration,
        walk: Walk,
        row: state.Progress,
        *,
        manner: Manner,
        report: Callable[[JobEvent], None],
        stop: Callable[[], bool],
    ) -> None:
        self._session, self._connection = session, session.connection
        self._migration, self._name = migration, migration.name
        self._report, self._stop = report, stop
        self._key = keys.look(self._connection, migration, walk)
        self._batches = Batches(
            session,
            migration,
            statement.of(migration, walk),
            self._key,
            row,
            manner=manner,
            report=report,
            stop=stop,
        )
        self._rows, self._count, self._estimated = row.rows_done, row.batches, row.rows_estimated
        self._watch: signals.Watch | None = None
        if manner.limits is not None:
            self._watch = signals.Watch(f"{walk.schema}.{walk.table}", self._key.oid, manner.limits)

    def go(self) -> End:
        """Walk until the end, or until somebody wants otherwise."""
        self._introduce()
        for _ in range(1 + CATCH_UPS):
            end = self._aim()
            if end is None:
                break
            over = self._reach(end)
            if over is not None:
                return over
        self._session.own()
        state.finish(self._connection, self._migration, tool=self._session.tool)
        return "done"

    def _introduce(self) -> None:
        """Say which signals are hidden from this role."""
        if self._watch is None:
            return
        self._session.disown()
        for signal in self._watch.unseen(self._connection):
            self._report(
                Unseen(self._name, signal, "it takes the rights of pg_read_all_stats (or pg_monitor)")
            )
        self._session.own()

    def _aim(self) -> str | None:
        """The greatest key there is now; None where no row is left."""
        last = self._batches.last
        with self._connection.transaction():
            self._batches.limit()
            end = self._key.greatest()
            if end is None or self._key.stretch(behind=last, end=end, rows=1) is None:
                return None
            # The first guess stays: the walk's own dead rows would swell a later one.
            self._estimated = max(self._estimated or self._key.estimate(), self._rows + 1)
            state.aim(self._connection, self._name, end=end, rows=self._estimated)
        self._report(Begun(self._name, self._rows, self._estimated, last))
        return end

    def _reach(self, end: str) -> End | None:
        """Batch after batch up to the key `end`; None once there."""
        while True:
            if self._stop():
                return "stopped"
            over = self._hold()
            if over is not None:
                return over
            taken = self._batches.next(end)
            if taken == "end":
                return None
            if taken == "stopped":
                return "stopped"
            self._note(taken)
            if taken.state == "paused":
                return "paused"

    def _note(self, taken: Taken) -> None:
        self._rows += taken.stretch.rows
        self._count += 1
        self._report(
            Batch(
                name=self._name,
                last_key=taken.stretch.last,
                rows=taken.stretch.rows,
                rows_done=self._rows,
                rows_estimated=max(self._estimated, self._rows),
                batches=self._count,
                seconds=round(taken.seconds, 3),
            )
        )

    def _hold(self) -> End | None:
        """Wait while a signal is over its limit; None when the walk may go on."""
        watch = self._watch
        if watch is None or not watch.due():
            return None
        began, told = time.monotonic(), 0.0
        said: frozenset[str] = frozenset()
        while over := self._look(watch):
            names = frozenset(reading.signal for reading in over)
            if names != said or time.monotonic() - told > REMIND:
                said, told = names, time.monotonic()
                for one in over:
                    self._report(Throttled(self._name, one.signal, one.value, one.limit, one.text))
            if state.beat(self._connection, self._name, "; ".join(one.text for one in over)) == "paused":
                return "paused"
            while not watch.due():
                if self._stop():
                    return "stopped"
                time.sleep(POLL)
        if said:
            self._report(Unthrottled(self._name, round(time.monotonic() - began, 1)))
            state.beat(self._connection, self._name, None)
        return None

    def _look(self, watch: signals.Watch) -> tuple[signals.Reading, ...]:
        """What is over its limit, as seen by the role that logged in: owners see less."""
        self._session.disown()
        over = watch.look(self._connection)
        self._session.own()
        return over
