"""What does a backfill of a million rows cost, and what do writers feel meanwhile?

    .venv/bin/python -m benchmarks.backfill [--rows 1000000] [--rounds 3]

The job is measured beside one single update, which is the floor, and beside the loop that people write
by hand: 1,000 keys at a time, a commit each. A process of its own updates one random row after the other all
the while and notes how long each takes. A PostgreSQL of its own, fsync on; a fresh table for every run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from lamppost.local.postgres.cluster import Cluster
from lamppost.migrate.files import Bundle, loose
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import Throttled
from lamppost.migrate.jobs.run import run_job

MAKE = """
drop table if exists public.orders;
create table public.orders (
    id bigint primary key, email text not null, email_lower text, seen int not null default 0
) with (fillfactor = 90);
insert into public.orders (id, email)
select i, 'Person.' || i || '@Example.com' from generate_series(1, %s) as i
"""
CHANGE = "update public.orders set email_lower = lower(email)"
JOB = f"-- lamppost: job public.orders by id\n{CHANGE} where id between $1 and $2"
WRITER = """
import random, signal, sys, time
import psycopg
over = []
signal.signal(signal.SIGTERM, lambda *_: over.append(True))
dice, rows = random.Random(7), int(sys.argv[2])
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    connection.execute("set application_name = 'writer'")
    while not over:
        began = time.perf_counter()
        connection.execute("update public.orders set seen = seen + 1 where id = %s", (dice.randint(1, rows),))
        print(time.perf_counter() - began)
"""


def whole(conninfo: str, rows: int) -> None:
    """One statement."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(CHANGE)


def by_hand(conninfo: str, rows: int) -> None:
    """1,000 keys at a time, looked up by the last one."""
    last = 0
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "with batch as (select id from public.orders where id > %s order by id limit 1000),"
                f" changed as ({CHANGE} from batch where orders.id = batch.id) select max(id) from batch",
                (last,),
            ).fetchone()
            if row is None or row[0] is None:
                return
            last = row[0]


def job(bundle: Bundle, target: float) -> Callable[[str, int], None]:
    """`lamppost migrate job run` with what it does by default, and batches of `target` seconds."""

    def run(conninfo: str, rows: int) -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("drop table if exists public.schema_jobs, public.schema_migrations")

        def hear(event: object) -> None:
            if isinstance(event, Throttled):
                print(f"    {event}")

        done = run_job(conninfo, bundle, "backfill.sql", report=hear, manner=Manner(target=target))
        print(f"    {done.batches} batches, {done.retries} tried again")

    return run


def measured(conninfo: str, rows: int, way: Callable[[str, int], None]) -> tuple[float, list[float]]:
    """Seconds, and how long each of the writer's statements took meanwhile."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL(MAKE.replace("%s", str(rows))))
        connection.execute("vacuum analyze public.orders")
        connection.execute("checkpoint")
    command = [sys.executable, "-c", WRITER, conninfo, str(rows)]
    with tempfile.TemporaryFile("w+") as out, subprocess.Popen(command, stdout=out) as writer:
        while not connected(conninfo):
            pass
        began = time.perf_counter()
        way(conninfo, rows)
        took = time.perf_counter() - began
        writer.terminate()
        writer.wait()
        out.seek(0)
        latencies = [float(line) for line in out.read().splitlines()]
    with psycopg.connect(conninfo, autocommit=True) as connection:
        left = connection.execute("select count(*) from public.orders where email_lower is null").fetchone()
    assert left == (0,), f"{left} rows were left out"
    return took, latencies


def connected(conninfo: str) -> bool:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return bool(
            connection.execute("select from pg_stat_activity where application_name = 'writer'").fetchall()
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        (files / "backfill.sql").write_text(JOB)
        ways = {
            "one update": whole,
            "by hand, 1,000 keys": by_hand,
            "job": job(loose(files), 0.5),
            "job, batches of 0.1 s": job(loose(files), 0.1),
        }
        cluster = Cluster(Path(folder) / "postgres")
        cluster.launch()
        cluster.ready()
        try:
            found = compare(cluster.dsn("postgres"), asked.rows, asked.rounds, ways)
        finally:
            cluster.stop()
    report(found)


def compare(
    conninfo: str, rows: int, rounds: int, ways: dict[str, Callable[[str, int], None]]
) -> dict[str, list[tuple[float, list[float]]]]:
    """Every way in turn, so that a busy moment of the machine hits all alike."""
    found: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            found[name].append(measured(conninfo, rows, way))
            print(f"  round {number + 1}, {name}: {found[name][-1][0]:.1f} s")
    return found


def report(found: dict[str, list[tuple[float, list[float]]]]) -> None:
    floor = statistics.median(took for took, _ in found["one update"])
    print(f"{'':<22}  median s    best   of floor   writer p50 ms   p99 ms      max ms   statements/s")
    for name, runs in found.items():
        took = statistics.median(took for took, _ in runs)
        every = sorted(latency * 1000 for _, latencies in runs for latency in latencies)
        p50, p99 = every[len(every) // 2], every[min(len(every) - 1, len(every) * 99 // 100)]
        rate = len(every) / sum(took for took, _ in runs)
        best = min(took for took, _ in runs)
        speed = f"{name:<22} {took:9.1f} {best:7.1f} {took / floor:9.2f}"
        print(f"{speed} {p50:14.2f} {p99:9.1f} {every[-1]:11.0f} {rate:13.0f}")
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
