"""The migrator under CloudFormation, played at random against a real PostgreSQL.

    python -m tests.faults.migrator_drill SERVER_URL --count 1000 --seed 1

One play is a stack's life of some deploys: releases whose files are right or fail, rollbacks with the old or
the new code, deletes, migrators that are killed (-9), that run twice at once, and that still run while their
rollback begins. After every event an auditor compares ledger, tables and effects with what the files say.
Prints one JSON object: plays, events, kills, twins, failures, and every wrong state with its seed.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lamppost.errors import LamppostError
from lamppost.migrate import rollouts
from lamppost.migrate.files import PLATFORM, Bundle, Migration, discover
from lamppost.migrate.rollout import Place, roll_out

SERVICES = ("crew", "shop")
PLATFORM_FILES = discover([]).migrations
POISON = "select 1 / 0"


@dataclass
class Release:
    """The files of one moment of the repository, and whether they can all be applied."""

    files: dict[str, Migration]
    good: bool

    @property
    def bundle(self) -> Bundle:
        mine = sorted(self.files.values(), key=lambda one: one.name)
        return Bundle((*PLATFORM_FILES, *mine), (PLATFORM, *SERVICES))

    @property
    def digest(self) -> str:
        return rollouts.digest_of([self.bundle])


def migration(number: int, service: str, text: str, *, whole: bool = True) -> Migration:
    name = f"2025-01-01T{number // 60:02d}{number % 60:02d}__{service}__n{number}.sql"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Migration(name, service, text, digest, digest, in_transaction=whole)


def write(dice: random.Random, number: int, service: str) -> Migration:
    """A file that leaves a trace: a table and one row in effects, or an index."""
    if number > 3 and dice.random() < 0.3:
        text = f"create index concurrently n{number} on {service}.effects (n)"
        return migration(number, service, text, whole=False)
    table = f"create table {service}.n{number} (id int);"
    effect = f"insert into {service}.effects values ({number})"
    return migration(number, service, f"{table} {effect}")


def releases(dice: random.Random) -> Iterator[Release]:
    """Each grows from the one before; a file that failed is mended, or taken out."""
    number = 0
    files: dict[str, Migration] = {}
    for service in SERVICES:
        first = migration(number, service, f"create table {service}.effects (n int)")
        files[first.name] = first
        number += 1
    while True:
        for _ in range(dice.randint(1, 3)):
            one = write(dice, number, dice.choice(SERVICES))
            files[one.name] = one
            number += 1
        bad = dice.random() < 0.3
        if bad:
            service = dice.choice(SERVICES)
            failing = migration(number, service, f"create table {service}.n{number} (id int); {POISON}")
            files[failing.name] = failing
        yield Release(dict(files), not bad)
        if bad:
            del files[failing.name]
            if dice.random() < 0.5:
                mended = write(dice, number, service)
                files[mended.name] = mended
            number += 1


@dataclass
class Tally:
    """What was played."""

    plays: int = 0
    events: int = 0
    kills: int = 0
    twins: int = 0
    failures: int = 0
    wrong: list[str] = field(default_factory=list)


class Drill:
    """One database, used for play after play."""

    def __init__(self, server: str, name: str, tally: Tally) -> None:
        self.server = server
        self.name = name
        self.tally = tally
        self.conninfo = make_conninfo(server, dbname=name)
        self.admin = psycopg.connect(server, autocommit=True)
        self.seen: dict[str, Migration] = {}
        self.pace = 0.05

    def place(self, code: Release) -> Place:
        return Place(self.name, code.bundle, self.conninfo, self.server, "app")

    # --- one play

    def play(self, seed: int) -> None:
        dice = random.Random(seed)
        self.seen = {}
        self.reset()
        deployed: Release | None = None
        line = releases(dice)
        for _ in range(dice.randint(2, 4)):
            release = next(line)
            self.seen.update(release.files)
            deployed = self.deploy(dice, seed, release, deployed)
            if dice.random() < 0.05:
                deployed = None  # the stack is deleted, the databases stay
        self.tally.plays += 1

    def deploy(
        self, dice: random.Random, seed: int, release: Release, before: Release | None
    ) -> Release | None:
        """CloudFormation's update: new code, its event; and if that or a later step fails, the way back."""
        way = dice.random()
        back = before is not None and dice.random() < 0.15
        if way < 0.2:
            self.tally.kills += 1
            with self.beside(release, release.digest) as pid:
                time.sleep(dice.uniform(0, self.pace * 1.2))
                os.kill(pid, signal.SIGKILL)
            done = False
        elif way < 0.35:
            self.tally.twins += 1
            with self.beside(release, release.digest):
                done = self.event(release, release.digest)
            self.expect(done == release.good, seed, f"one of two updates of a good={release.good} release")
        elif way < 0.45 and before is not None:
            # The forward event was given up for its time, and still runs while the rollback comes.
            self.tally.twins += 1
            with self.beside(release, release.digest):
                time.sleep(dice.uniform(0, self.pace))
                self.expect(self.event(before, before.digest), seed, "a rollback beside a running update")
            self.audit(seed, None)
            return before
        else:
            done = self.event(release, release.digest)
            self.expect(done == release.good, seed, f"an undisturbed update of a good={release.good} release")
        self.audit(seed, release if done else None)
        if done and not back:
            return release
        self.tally.failures += 1
        if before is None:
            return None  # a failed create: its delete never reaches the migrator
        # The function went back to its old code, or had no time to.
        code = before if dice.random() < 0.8 else release
        self.expect(self.event(code, before.digest), seed, "a rollback")
        self.audit(seed, before)
        return before

    def event(self, code: Release, digest: str) -> bool:
        self.tally.events += 1
        began = time.monotonic()
        try:
            roll_out([self.place(code)], digest=digest, report=lambda _: None)
        except LamppostError:
            return False
        self.pace = 0.9 * self.pace + 0.1 * (time.monotonic() - began)
        return True

    @contextmanager
    def beside(self, code: Release, digest: str) -> Iterator[int]:
        """The same in a process of its own, while the block runs; it has ended afterwards."""
        self.tally.events += 1
        child = os.fork()
        if child == 0:
            try:
                roll_out([self.place(code)], digest=digest, report=lambda _: None)
            finally:
                os._exit(0)
        try:
            yield child
        finally:
            os.waitpid(child, 0)

    # --- the auditor

    def audit(self, seed: int, release: Release | None) -> None:
        """Ledger, tables and effects agree; and all of `release` is in, when it was said to be."""
        self.until_quiet()
        with psycopg.connect(self.conninfo, autocommit=True) as db:
            if not self.has(db, "public.schema_migrations"):
                self.expect(release is None, seed, "success without a ledger")
                return
            rows: dict[str, int | None] = dict(
                db.execute("select name, statements from public.schema_migrations").fetchall()
            )
            for name, one in self.seen.items():
                self.judge(db, seed, one, in_ledger=name in rows, unfinished=rows.get(name) is not None)
            if release is not None:
                lacking = [name for name in release.files if rows.get(name, 0) is not None]
                self.expect(not lacking, seed, f"success, and {lacking} are not in")
                known = rollouts.is_known(db, release.digest)
                self.expect(known, seed, "success, and the release is not remembered")

    def judge(self, db: Any, seed: int, one: Migration, *, in_ledger: bool, unfinished: bool) -> None:
        thing = f"{one.service}.{one.name.split('__')[2].removesuffix('.sql')}"
        made = self.has(db, thing)
        if "effects (n int)" in one.text:
            made = self.has(db, f"{one.service}.effects")
        if unfinished or not one.in_transaction:
            if in_ledger and not unfinished:
                self.expect(made, seed, f"{one.name} is noted, and its index is not there")
            return
        self.expect(made == in_ledger, seed, f"{one.name}: in the ledger {in_ledger}, there {made}")
        if "insert into" in one.text and in_ledger:
            number = int(thing.rpartition("n")[2])
            query = sql.SQL("select count(*) from {} where n = %s").format(
                sql.Identifier(one.service, "effects")
            )
            [[count]] = db.execute(query, (number,)).fetchall()
            self.expect(count == 1, seed, f"{one.name} took effect {count} times")

    def has(self, db: Any, name: str) -> bool:
        return bool(db.execute("select to_regclass(%s) is not null", (name,)).fetchone()[0])

    def expect(self, true: bool, seed: int, what: str) -> None:
        if not true:
            self.tally.wrong.append(f"seed {seed}: {what}")

    # --- the stage

    def until_quiet(self) -> None:
        """The server has noticed whom we killed."""
        while self.admin.execute(
            "select 1 from pg_stat_activity where datname = %s limit 1", (self.name,)
        ).fetchone():
            time.sleep(0.002)

    def reset(self) -> None:
        if not self.admin.execute("select 1 from pg_database where datname = %s", (self.name,)).fetchone():
            return
        with psycopg.connect(self.conninfo) as db:
            db.execute("set client_min_messages = warning")
            for schema in (*SERVICES, PLATFORM):
                db.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))
            for table in ("schema_migrations", "schema_rollouts", "schema_releases", "schema_jobs"):
                name = sql.Identifier("public", table)
                db.execute(sql.SQL("drop table if exists {} cascade").format(name))


def main(say: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("server", help="an administrator's URL")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="drill")
    given = parser.parse_args()
    tally = Tally()
    drill = Drill(given.server, given.database, tally)
    for seed in range(given.seed, given.seed + given.count):
        drill.play(seed)
    say(json.dumps(vars(tally)))


if __name__ == "__main__":
    main()
