"""A migrator that dies: whatever the moment, the next one finishes and nothing is applied twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from lamppost.migrate.apply import apply

MIGRATOR = """
import sys
from pathlib import Path
from lamppost.migrate.apply import apply
from lamppost.migrate.files import discover
apply(sys.argv[1], discover([("shop", Path(sys.argv[2]))]), role=sys.argv[3])
"""
# The file waits inside the server for a lock that the test holds: there the migrator is killed.
WAIT = "select pg_advisory_xact_lock(7)"
HERE = "select 1 from pg_stat_activity where datname = current_database()"
STUCK = f"{HERE} and wait_event_type = 'Lock'"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def until(conninfo: str, query: str) -> None:
    while not ask(conninfo, query):
        pass


@contextmanager
def killed_in_the_middle(empty: Any, folder: Path) -> Iterator[None]:
    """Run a migrator until its file waits for our lock, kill -9 it, and then let the lock go."""
    with psycopg.connect(empty.admin, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(7)")
        command = [sys.executable, "-c", MIGRATOR, empty.admin, str(folder), empty.role]
        migrator = subprocess.Popen(command)
        until(empty.admin, STUCK)
        os.kill(migrator.pid, signal.SIGKILL)
        migrator.wait()
        yield


def test_a_killed_migrator_leaves_nothing_of_its_file_and_the_next_one_finishes(
    empty: Any, files: Any, tmp_path: Path
) -> None:
    bundle = files(
        cats="create table shop.cats (id int)",
        dogs=f"create table shop.dogs (id int); {WAIT}; insert into shop.cats values (1)",
    )
    with killed_in_the_middle(empty, tmp_path / "shop" / "migrations"):
        pass
    outcome = apply(empty.admin, bundle, role=empty.role, lock_timeout=30)
    assert [name.split("__")[2] for name in outcome.applied] == ["dogs.sql"]
    assert ask(empty.admin, "select count(*) from shop.cats") == [(1,)]


def test_the_server_lets_go_of_a_dead_migrators_lock_although_its_statement_still_runs(
    empty: Any, files: Any, tmp_path: Path
) -> None:
    # The embedded server looks after its clients by itself; others do so only when a session asks.
    ask(empty.admin, f"alter database {empty.name} set client_connection_check_interval = 0")
    files(cats="create table shop.cats (id int); select pg_sleep(500)")
    command = [sys.executable, "-c", MIGRATOR, empty.admin, str(tmp_path / "shop" / "migrations"), empty.role]
    migrator = subprocess.Popen(command)
    until(empty.admin, f"{HERE} and wait_event = 'PgSleep'")
    os.kill(migrator.pid, signal.SIGKILL)
    migrator.wait()
    mended = files(cats="create table shop.cats (id int)")
    assert apply(empty.admin, mended, role=empty.role, lock_wait=30).applied == (mended.migrations[-1].name,)


def test_a_file_without_a_transaction_killed_between_statements_repeats_none_of_them(
    empty: Any, files: Any, tmp_path: Path
) -> None:
    bundle = files(
        cats="create table shop.cats (id int)",
        steps="-- lamppost: no-transaction\n"
        f"insert into shop.cats values (1);\ninsert into shop.cats values (2);\n{WAIT};\n"
        "insert into shop.cats values (3)",
    )
    with killed_in_the_middle(empty, tmp_path / "shop" / "migrations"):
        rows = ask(empty.admin, "select statements from public.schema_migrations where statements > 0")
        assert rows == [(2,)]
    apply(empty.admin, bundle, role=empty.role, lock_timeout=30)
    assert ask(empty.admin, "select array_agg(id order by id) from shop.cats") == [([1, 2, 3],)]


def test_an_index_whose_builder_was_killed_is_built_by_the_next_one(
    empty: Any, files: Any, tmp_path: Path
) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    statement = "create index concurrently cats_id on shop.cats (id)"
    bundle = files(index=f"-- lamppost: no-transaction\n{statement}")
    with psycopg.connect(empty.admin) as reader:
        # An open transaction that has written makes every concurrent build wait.
        reader.execute("insert into shop.cats values (1)")
        folder = tmp_path / "shop" / "migrations"
        command = [sys.executable, "-c", MIGRATOR, empty.admin, str(folder), empty.role]
        migrator = subprocess.Popen(command)
        until(empty.admin, f"{STUCK} and wait_event = 'virtualxid'")
        os.kill(migrator.pid, signal.SIGKILL)
        migrator.wait()
        until(empty.admin, f"select 1 where not exists ({STUCK})")
    apply(empty.admin, bundle, role=empty.role)
    valid = "select indisvalid from pg_index where indexrelid = 'shop.cats_id'::regclass"
    assert ask(empty.admin, valid) == [(True,)]
