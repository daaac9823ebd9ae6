"""How long does it take to claim everyone who is due at the same nine o'clock?

    .venv/bin/python -m benchmarks.claim [--people 1000000] [--rounds 3]

Ours (one cursor, one row for a thousand greetings) against the queue that most have: `for update skip
locked`, one row updated and one inserted for each greeting, a thousand at a time or all at once. The same
people, the same server with fsync on, rounds in turn; each is put back, vacuumed and checkpointed before
the next. Medians of seconds, and what each wrote into the log.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from lamppost.local.postgres import address
from lamppost.local.postgres.cluster import Cluster
from lamppost.testing.databases import Databases, TestDatabase
from services.birthday.store import claiming

ROOT = Path(__file__).parent.parent

PEOPLE = """
with person as (
    insert into birthday.people (first_name, last_name, date_of_birth, timezone, created_at, updated_at)
    select 'Person', n::text, %(due)s::timestamptz::date - interval '30 years', 'Etc/UTC', now(), now()
      from generate_series(1, %(count)s) as n
 returning id, date_of_birth
)
insert into birthday.dates (person_id, day, leap_day, year, wall, zone, tzdata, due_at)
select id, date_of_birth, 'march-1', extract(year from %(due)s::timestamptz at time zone 'UTC'),
       %(due)s::timestamptz at time zone 'UTC', 'Etc/UTC', '-', %(due)s::timestamptz
  from person
"""
# What a row queue has: the row's state, and an index of those that wait.
ROWS = """
create table birthday.rows as
select person_id as id, due_at, 'waiting'::text as status from birthday.dates;
alter table birthday.rows add primary key (id);
create index rows_due on birthday.rows (due_at, id) where status = 'waiting';
create table birthday.row_queue (
    n bigint generated always as identity primary key, id uuid not null, at timestamptz not null default now()
)
"""
TAKE = """
with due as (
    select id
      from birthday.rows
     where status = 'waiting' and due_at <= lamppost.now()
     order by due_at, id
     limit %s
       for update skip locked
), taken as (
    update birthday.rows r
       set status = 'claimed'
      from due
     where r.id = due.id
 returning r.id
), queued as (
    insert into birthday.row_queue (id) select id from taken returning 1
)
select count(*) from queued
"""
RESET_OURS = "truncate birthday.chunks; update birthday.cursors set claimed_to = '-infinity', seen = null"
RESET_ROWS = "drop table birthday.rows, birthday.row_queue"


@contextmanager
def database() -> Iterator[TestDatabase]:
    """A fresh database on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "postgres")
        cluster.launch()
        cluster.ready()
        try:
            where = address.read(Path(folder) / "postgres")
            assert where is not None
            yield Databases(where, ROOT / "services").make(("birthday",))
        finally:
            cluster.stop()


def fill(admin: psycopg.Connection[Any], count: int, due: str) -> None:
    """Store so many people, all due at one instant."""
    admin.execute(PEOPLE, {"count": count, "due": due})
    admin.execute("insert into birthday.cursors (kind) values ('birthday') on conflict do nothing")
    admin.execute("vacuum analyze")


def ours(db: psycopg.Connection[Any]) -> int:
    """Claim everything, a slice at a time, as the scheduler does."""
    total = 0
    while True:
        with db.transaction():
            claimed = claiming.claim_due(db, "birthday")
        total += claimed
        if claimed < claiming.SLICE:
            return total


def by_row(limit: int) -> Callable[[psycopg.Connection[Any]], int]:
    """Claim everything from the row queue, `limit` rows at a time."""

    def claim(db: psycopg.Connection[Any]) -> int:
        total = 0
        while True:
            with db.transaction():
                row = db.execute(TAKE, (limit,)).fetchone()
            assert row is not None
            total += row[0]
            if row[0] < limit:
                return total

    return claim


def timed(
    admin: psycopg.Connection[Any], claim: Callable[[psycopg.Connection[Any]], int]
) -> tuple[int, float, float]:
    """How many it claimed, in how many seconds, with how many MB of log."""
    admin.execute("checkpoint")
    (before,) = admin.execute("select pg_current_wal_insert_lsn()").fetchall()[0]
    began = time.perf_counter()
    count = claim(admin)
    seconds = time.perf_counter() - began
    (bytes_,) = admin.execute("select pg_current_wal_insert_lsn() - %s::pg_lsn", (before,)).fetchall()[0]
    return count, seconds, float(bytes_) / 1e6


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--people", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    contestants = {
        "claim by minute": (ours, "", RESET_OURS),
        "row queue, all at once": (by_row(chosen.people), ROWS, RESET_ROWS),
        "row queue, 1,000 at a time": (by_row(1000), ROWS, RESET_ROWS),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    with database() as place, psycopg.connect(place.admin, autocommit=True) as admin:
        fill(admin, chosen.people, "2026-03-15T09:00:00Z")
        admin.execute("insert into lamppost.clock (shift) values ('2026-03-15T09:00:01Z' - now())")
        for _ in range(chosen.rounds):
            for name, (claim, prepare, reset) in contestants.items():
                if prepare:
                    admin.execute(prepare)
                    admin.execute("vacuum analyze birthday.rows")
                count, seconds, megabytes = timed(admin, claim)
                assert count == chosen.people, f"{name} claimed {count}"
                admin.execute(reset)
                found[name].append((seconds, megabytes))
    first = statistics.median(each[0] for each in found["claim by minute"])
    print(f"{chosen.people:,} due at one instant, {chosen.rounds} rounds in turn")
    for name, figures in found.items():
        seconds = [each[0] for each in figures]
        print(
            f"{name:28} median {statistics.median(seconds):8.3f} s   min {min(seconds):8.3f}"
            f"   max {max(seconds):8.3f}   {statistics.median(each[1] for each in figures):8.1f} MB of log"
            f"   {statistics.median(seconds) / first:6.1f} ×"
        )


if __name__ == "__main__":
    main()
