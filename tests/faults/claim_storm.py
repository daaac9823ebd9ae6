"""What makes a watermark lose rows, all at once: slow commits, rollbacks, moves, past due times, many ticks.

    .venv/bin/python -m tests.faults.claim_storm [--events 100000] [--seed 7]

Writers store and move dates that are due about now and keep their transactions open for a while; schedulers
claim in a loop and settle some chunks meanwhile. An auditor with a connection of its own then counts for each
date that was committed in how many chunks it is, or was settled.
"""

import argparse
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

from services.birthday.store import claiming

STORE = """
with person as (
    insert into birthday.people (first_name, last_name, date_of_birth, timezone, created_at, updated_at)
    select 'P', n::text, '1990-03-15', 'Etc/UTC', now(), now()
      from generate_series(1, %(count)s) as n
 returning id
)
insert into birthday.dates (person_id, day, leap_day, year, wall, zone, tzdata, due_at)
select id, '1990-03-15', 'march-1', 2025, now() at time zone 'UTC', 'Etc/UTC', '-',
       clock_timestamp() + make_interval(secs => random() * 0.6 - 0.3)
  from person
returning person_id
"""
MOVE = """
update birthday.dates
   set due_at = clock_timestamp() + make_interval(secs => random() * 0.6 - 0.3), xid = pg_current_xact_id()
 where person_id = any(%s) and due_at > lamppost.now()
"""
# A member is one whose date has not moved since the claim; what a chunk holds beside it is passed over.
AUDIT = """
with member as (
    select unnest(c.members) as person_id, c.seen from birthday.chunks c where c.kind = 'birthday'
), counted as (
    select d.person_id,
           count(*) filter (where pg_visible_in_snapshot(d.xid, m.seen)) + (d.year > 2025)::int as times
      from birthday.dates d
      left join member m on m.person_id = d.person_id
     group by d.person_id, d.year
)
select count(*), count(*) filter (where times = 0), count(*) filter (where times > 1) from counted
"""
SETTLE = """
with gone as (
    delete from birthday.chunks
     where id = (select id from birthday.chunks order by random() limit 1 for update skip locked)
 returning members, seen
)
update birthday.dates d
   set year = 2026, greeted_year = 2025, due_at = d.due_at + interval '1 year', xid = pg_current_xact_id()
  from gone, unnest(gone.members) as member (person_id)
 where d.person_id = member.person_id and pg_visible_in_snapshot(d.xid, gone.seen) and d.year = 2025
"""


class Found(msgspec.Struct, frozen=True):
    """Dates committed, those in no chunk, those in several; claims made."""

    events: int
    missed: int
    doubled: int
    claims: int


class Storm:
    """One run against a database of its own."""

    def __init__(self, conninfo: str, events: int, seed: int) -> None:
        self.conninfo, self.events, self.seed = conninfo, events, seed
        self.stored = self.claims = 0
        self.lock, self.over = threading.Lock(), threading.Event()
        self.failed: list[BaseException] = []

    def run(self, *, writers: int = 6, schedulers: int = 4) -> Found:
        """Store `events` dates while they are claimed; then let everything come due, and count."""
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            claiming.kinds(db)
        writing = [self._start(self._write, n) for n in range(writers)]
        claimers = [self._start(self._claim, 100 + n) for n in range(schedulers)]
        for thread in writing:
            thread.join()
        self.over.set()
        for thread in claimers:
            thread.join()
        if self.failed:
            raise self.failed[0]
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            time.sleep(0.7)  # the last dates come due within 0.3 s
            while claiming.claim_due(db, "birthday"):
                pass
            counts = db.execute(AUDIT).fetchone()
        assert counts is not None, "a count returns its row"
        return Found(*counts, self.claims)

    def _start(self, work: Callable[[Any, random.Random], None], number: int) -> threading.Thread:
        def run() -> None:
            try:
                with psycopg.connect(self.conninfo) as db:
                    work(db, random.Random(self.seed * 1000 + number))
            except BaseException as wrong:
                self.failed.append(wrong)
                self.over.set()
                raise

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _write(self, db: "psycopg.Connection[Any]", chance: random.Random) -> None:
        while self.stored < self.events and not self.failed:
            rows = db.execute(STORE, {"count": chance.randint(1, 60)}).fetchall()
            if chance.random() < 0.3:
                db.execute(MOVE, ([row[0] for row in rows[::2]],))
            if chance.random() < 0.4:
                time.sleep(chance.uniform(0, 0.08))
            if chance.random() < 0.1:
                db.rollback()
                continue
            db.commit()
            if chance.random() < 0.2:
                db.execute(MOVE, ([row[0] for row in rows],))
                time.sleep(chance.uniform(0, 0.02))
                db.commit()
            with self.lock:
                self.stored += len(rows)

    def _claim(self, db: "psycopg.Connection[Any]", chance: random.Random) -> None:
        while not self.over.is_set():
            with db.transaction():
                claimed = claiming.claim_due(db, "birthday", limit=chance.choice((20, 200, 250_000)))
            if claimed and chance.random() < 0.3:
                with db.transaction():
                    db.execute(SETTLE)
            with self.lock:
                self.claims += 1


def main() -> None:
    from benchmarks import claim

    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args()
    with claim.database() as place:
        began = time.monotonic()
        found = Storm(place.app, chosen.events, chosen.seed).run()
        print(f"seed {chosen.seed}: {found} in {time.monotonic() - began:.0f} s")
        assert (found.missed, found.doubled) == (0, 0)


if __name__ == "__main__":
    main()
