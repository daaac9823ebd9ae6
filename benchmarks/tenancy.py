"""What does it cost to be inside a tenant?

    python -m benchmarks.tenancy [--rounds 3000]
    python -m benchmarks.tenancy --storm 100000 [--seed 1] [--without policy|session|cursor]

One run, one server, in turns: a plain transaction, one with tenant(), and one that asks for the membership
and sets the tenant in two statements of its own, as is usual. Then what the policy costs a query: beside the
same query with a hand-written WHERE and no policy, on 1,000,000 rows of 200 tenants.

With --storm: do two hundred tenants under fire ever meet, in the whole house (`tests.faults.house_storm`)?
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from lamppost.db import close_pool, get_pool, tenant
from lamppost.local.postgres.cluster import Cluster
from lamppost.testing.databases import Databases
from tests.faults import house_storm
from tests.faults.house_storm import HouseStorm
from tests.tenants import FOLDERS, Desk, seed, tenant_id

ROWS = 5_000
TENANTS = 200
PERSON = "person-7"
MINE = tenant_id(7)

WIDE = f"""
create table notes.wide (tenant_id uuid not null, number bigint not null, body text not null,
                         primary key (tenant_id, number));
insert into notes.wide
select id, n, md5(n::text) from members.tenants, generate_series(1, {ROWS}) as n;
create table notes.bare (like notes.wide including all);
insert into notes.bare select * from notes.wide;
create table notes.once (like notes.wide including all);
insert into notes.once select * from notes.wide;
grant select on notes.wide, notes.bare, notes.once to public;
alter table notes.wide enable row level security;
alter table notes.wide force row level security;
create policy wall on notes.wide using (tenant_id = lamppost.tenant_id());
alter table notes.once enable row level security;
alter table notes.once force row level security;
create policy wall on notes.once using (tenant_id = (select lamppost.tenant_id()));
"""
QUERIES = {
    "one row by key": "select body from {table} where {wall}number = 77",
    "a page of 50 by key": (
        "select number, body from {table} where {wall}number > 1000 order by number limit 50"
    ),
    "a tenant's 5,000 rows, counted": "select count(*) from {table} where {wall}body like '%ab%'",
    "all rows read, no index used": "select count(*) from {table} where {wall}number % 2 = 0",
}


def timed(rounds: int, runs: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Median microseconds of each, taken in turns so that a busy moment hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) * 1e6 for name, values in taken.items()}


def transactions(rounds: int) -> None:
    ctx = Desk().context(subject=PERSON)

    def plain() -> None:
        with get_pool().transaction() as db:
            db.execute("select 1").fetchone()

    def inside() -> None:
        with tenant(ctx, MINE) as db:
            db.execute("select 1").fetchone()

    def by_hand() -> None:
        with get_pool().transaction() as db:
            db.execute("select set_config('app.user_id', %s, true)", (PERSON,))
            db.execute(
                "select role from members.memberships"
                " where tenant_id = %s and subject = %s and status = 'active'",
                (MINE, PERSON),
            ).fetchone()
            db.execute("select set_config('app.tenant_id', %s, true)", (str(MINE),))
            db.execute("select 1").fetchone()

    found = timed(rounds, {"a plain transaction": plain, "tenant()": inside, "by hand": by_hand})
    base = found["a plain transaction"]
    for name, micros in found.items():
        print(f"  {name:<24}{micros:7.0f} µs   {micros - base:+6.0f}")


def queries(rounds: int) -> None:
    with tenant(Desk().context(subject=PERSON), MINE) as db:
        for name, text in QUERIES.items():
            if name.startswith("all rows"):
                for scan in ("indexscan", "bitmapscan", "indexonlyscan"):
                    db.execute(f"set local enable_{scan} = off".encode())
            runs = {}
            for label, table, wall in (
                ("no policy, WHERE by hand", "notes.bare", f"tenant_id = '{MINE}' and "),
                ("= lamppost.tenant_id()", "notes.wide", ""),
                ("= (select lamppost.tenant_id())", "notes.once", ""),
            ):
                statement = text.format(table=table, wall=wall).encode()
                runs[label] = lambda statement=statement: db.execute(statement).fetchall()
            found = timed(10 if name.startswith("all rows") else rounds // 10, runs)
            print(f"  {name}")
            for label, micros in found.items():
                print(f"    {label:<34}{micros:9.0f} µs")


def storm(requests: int, seed: int, without: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        house = house_storm.up(Path(place))
        try:
            blown = HouseStorm(
                house, homes=range(TENANTS), tenants=TENANTS, requests=requests, seed=seed, broken=without,
                sandboxes=6,
            )  # fmt: skip
            blown.seed_tenants(TENANTS)
            print(json.dumps(blown.run().report(), indent=1))
            print(f"rows in another tenant afterwards: {len(blown.misplaced())}")
            print(f"rows of others that the functions' role is shown: {len(blown.foreign_in_sql())}")
            for found in blown.foreign[:3]:
                print(found[:1000])
        finally:
            house.end()


def costs(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        cluster = Cluster(Path(place) / "postgres")
        cluster.launch()
        try:
            cluster.ready()
            base = Databases(cluster, Path("services")).make((), FOLDERS)
            seed(base.admin, TENANTS)
            with psycopg.connect(base.admin, autocommit=True) as admin:
                admin.execute(WIDE.encode())
                admin.execute("vacuum analyze")
            os.environ.update(DATABASE_URL=base.app, LOG_LEVEL="error")
            print("a transaction with one statement in it")
            transactions(rounds)
            print(f"queries over {TENANTS * ROWS:,} rows of {TENANTS} tenants")
            queries(rounds)
            close_pool()
        finally:
            cluster.stop()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--storm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", default="")
    given = parser.parse_args()
    if given.storm:
        storm(given.storm, given.seed, given.without)
    else:
        costs(given.rounds)
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
