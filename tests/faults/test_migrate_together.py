"""Migrators that meet: each other, a pooler, a slow build, a signal, the end of their time."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from lamppost.errors import OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.events import Event, Progress
from lamppost.migrate.files import Bundle
from tests.faults.pooler import Pooler

Files = Callable[..., Bundle]
ROUNDS = 50 if os.environ.get("LAMPPOST_LONG") else 6
STEPS = "-- lamppost: no-transaction\n"
HERE = "select 1 from pg_stat_activity where datname = current_database()"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def until(conninfo: str, query: str) -> None:
    while not ask(conninfo, query):
        pass


def test_eight_migrators_at_once_again_and_again_never_meet_an_error(empty: Any, files: Files) -> None:
    gate = threading.Barrier(8)

    def migrate(bundle: Bundle) -> int:
        gate.wait()
        return sum("__shop__" in name for name in apply(empty.admin, bundle, role=empty.role).applied)

    with ThreadPoolExecutor(8) as pool:
        for number in range(ROUNDS):
            bundle = files(**{f"n{number}": f"create table shop.t{number} (id int)"})
            assert sorted(pool.map(migrate, [bundle] * 8)) == [0] * 7 + [1]
            if number % 2:
                # The first meeting, at which the ledger itself is made, is the one that fails elsewhere.
                ask(empty.admin, "alter table public.schema_migrations drop column why")


def test_a_waiting_migrator_does_not_stop_an_index_from_being_built(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    bundle = files(index=f"{STEPS}create index concurrently cats_id on shop.cats (id)")
    with ThreadPoolExecutor(2) as pool:
        with psycopg.connect(empty.admin) as reader:
            # The builder waits for this transaction, and the second migrator for the builder.
            reader.execute("insert into shop.cats values (1)")
            building = pool.submit(apply, empty.admin, bundle, role=empty.role)
            until(empty.admin, f"{HERE} and wait_event = 'virtualxid'")
            heard: list[Event] = []
            waiting = pool.submit(apply, empty.admin, bundle, role=empty.role, report=heard.append)
            while not heard:
                pass
        assert len(building.result().applied) == 1
        assert waiting.result().applied == ()
    valid = "select indisvalid from pg_index where indexrelid = 'shop.cats_id'::regclass"
    assert ask(empty.admin, valid) == [(True,)]


def test_how_far_an_index_is_can_be_followed(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    bundle = files(index=f"{STEPS}create index concurrently cats_id on shop.cats (id)")
    reader = psycopg.connect(empty.admin)
    reader.execute("insert into shop.cats values (1)")
    heard: list[Progress] = []

    def hear(event: Event) -> None:
        if isinstance(event, Progress):
            heard.append(event)
            reader.close()

    apply(empty.admin, bundle, role=empty.role, lock_timeout=1, report=hear)
    assert heard[0].index == "shop.cats_id"
    assert heard[0].phase.startswith("waiting for writers")


@pytest.mark.parametrize("after", range(1, 9))
def test_a_pooler_is_refused_whenever_it_changes_sessions(empty: Any, files: Files, after: int) -> None:
    bundle = files(cats="create table shop.cats (id int)", dogs="create table shop.dogs (id int)")
    pooler = Pooler(empty.admin, after)
    conninfo = make_conninfo(
        empty.admin, host="127.0.0.1", port=pooler.port, sslmode="disable", gssencmode="disable"
    )
    with pytest.raises(OperatorError) as refused:
        apply(conninfo, bundle, role=empty.role)
    assert refused.value.code == "migration_pooler"
    pooler.close()


def test_no_statement_outlives_the_callers_time(empty: Any, files: Files) -> None:
    bundle = files(cats="create table shop.cats (id int)", slow="select pg_sleep(600)")
    with pytest.raises(OperatorError) as refused:
        apply(empty.admin, bundle, role=empty.role, deadline=9)
    assert refused.value.code == "migration_deadline"
    assert ask(empty.admin, "select to_regclass('shop.cats') is not null") == [(True,)]
    assert ask(empty.admin, f"{HERE} and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()") == []


def test_with_little_time_left_no_file_is_begun_and_what_is_left_is_named(empty: Any, files: Files) -> None:
    bundle = files(cats="create table shop.cats (id int)")
    with pytest.raises(OperatorError, match=r" not applied: .*clock\.sql, .*cats\.sql"):
        apply(empty.admin, bundle, role=empty.role, deadline=3)
    assert ask(empty.admin, "select to_regclass('shop.cats')") == [(None,)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_the_statement_and_says_so(
    empty: Any, files: Files, tmp_path: Any, number: signal.Signals
) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "1.sql").write_text("create table public.cats (id int)")
    (folder / "2.sql").write_text("create table public.dogs (id int); select pg_sleep(600)")
    command = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate", "apply"]
    migrator = subprocess.Popen(
        [*command, str(folder), "--postgres", empty.admin], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    until(empty.admin, f"{HERE} and wait_event = 'PgSleep'")
    migrator.send_signal(number)
    said, _ = migrator.communicate()
    assert migrator.returncode == 130
    assert b'"verdict": "interrupted"' in said
    assert b'"procedure"' in said
    assert ask(empty.admin, f"{HERE} and wait_event = 'PgSleep'") == []
    assert ask(empty.admin, "select to_regclass('dogs'), to_regclass('cats') is not null") == [(None, True)]
    held = "select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database"
    while ask(empty.admin, f"{held} where datname = current_database())"):
        time.sleep(0)
