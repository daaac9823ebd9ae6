"""A job that dies, whose server dies, or that is stopped: every row once, whatever the moment.

LAMPPOST_JOB_KILLS=1000 makes it a long evening.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.errors import OperatorError
from lamppost.local.postgres.cluster import Cluster
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle, loose
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import Batch
from lamppost.migrate.jobs.run import run_job

Files = Callable[..., Bundle]
ROWS = 3_000
KILLS = int(os.environ.get("LAMPPOST_JOB_KILLS", "60"))
RUNNER = """
import os, sys, threading
from pathlib import Path
from lamppost.errors import OperatorError
from lamppost.migrate.files import discover
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.run import run_job

bundle = discover([("shop", Path(sys.argv[2]))])
manner = Manner(batch=7, target=0.001, limits=None)

# Forks of one warm process: the moment of the kill is then the job's, not the interpreter's.
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            done = run_job(sys.argv[1], bundle, bundle.migrations[-1].name, role=sys.argv[3], manner=manner)
            os._exit(0 if done.state == "done" else 3)
        except OperatorError as refused:
            os._exit(4 if refused.code == "job_running" else 5)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
MAKE = f"""
create table shop.things (id bigint primary key, touched int not null default 0, note text);
insert into shop.things select i * 3, 0, repeat('x', 40) from generate_series(1, {ROWS}) as i;
"""
JOB = (
    "-- lamppost: job shop.things by id\n"
    "update shop.things set touched = touched + 1 where id between $1 and $2"
)


SLEEPS = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


class Runner:
    """Starts the job again and again in processes of its own."""

    def __init__(self, conninfo: str, folder: Path, role: str) -> None:
        command = [sys.executable, "-c", RUNNER, conninfo, str(folder), role]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@pytest.mark.slow
def test_a_job_killed_at_any_moment_touches_every_row_once(empty: Any, files: Files, tmp_path: Path) -> None:
    dice = random.Random(31)
    apply(empty.admin, files(things=MAKE), role=empty.role)
    files(job=JOB)
    runner = Runner(empty.admin, tmp_path / "shop" / "migrations", empty.role)
    done_before, killed = 0, 0
    while killed < KILLS:
        child = runner.start()
        time.sleep(dice.uniform(0.0, 0.06))  # the moment of the kill is the point of the test
        os.kill(child, signal.SIGKILL)
        killed += runner.ended() == signal.SIGKILL
        done, counted, at = progress(empty.admin)
        assert (counted, at) == (done, done)
        assert done >= done_before
        done_before = done
        if done == ROWS:
            # The whole table again, from a clean start.
            assert touches(empty.admin) == [(1, ROWS)]
            clear(empty.admin)
            done_before = 0
    while runner.start() and runner.ended() != 0:
        pass
    runner.close()
    assert touches(empty.admin) == [(1, ROWS)]
    assert ask(empty.admin, "select state from public.schema_jobs") == [("done",)]


def progress(conninfo: str) -> tuple[int, int, int]:
    """Rows by the checkpoint, rows that were touched, rows up to the last key. One snapshot."""
    query = """
    select coalesce(max(rows_done), 0)::int,
           (select count(*)::int from shop.things where touched = 1),
           (select count(*)::int from shop.things where id <= coalesce(max(last_key)::bigint, 0))
      from public.schema_jobs
    """
    try:
        row = ask(conninfo, query)[0]
    except psycopg.errors.UndefinedTable:
        return 0, 0, 0
    assert ask(conninfo, "select count(*) from shop.things where touched > 1") == [(0,)]
    return int(row[0]), int(row[1]), int(row[2])


def touches(conninfo: str) -> list[tuple[int, int]]:
    return ask(conninfo, "select touched, count(*)::int from shop.things group by 1 order by 1")


def clear(conninfo: str) -> None:
    until(conninfo, "select 1 where not exists (select from pg_locks where locktype = 'advisory')")
    ask(conninfo, "delete from public.schema_jobs; update shop.things set touched = 0")
    ask(conninfo, "delete from public.schema_migrations where name like '%job.sql'")


def until(conninfo: str, query: str) -> None:
    while not ask(conninfo, query):
        pass


def test_the_next_runner_takes_over_from_one_that_was_killed_inside_its_statement(
    empty: Any, files: Files, tmp_path: Path
) -> None:
    apply(empty.admin, files(things=MAKE), role=empty.role)
    hang = JOB.replace(" where", " from pg_sleep(case when $1 > 300 then 500 else 0 end) where")
    files(job=hang)
    runner = Runner(empty.admin, tmp_path / "shop" / "migrations", empty.role)
    child = runner.start()
    until(empty.admin, SLEEPS)
    os.kill(child, signal.SIGKILL)
    runner.ended()
    runner.close()
    done, counted, _ = progress(empty.admin)
    assert 0 < done == counted < ROWS
    ask(
        empty.admin,
        f"update public.schema_jobs set text_sha256 = '{files(job=JOB).migrations[-1].text_sha256}'",
    )
    bundle = files(job=JOB)
    ended = run_job(empty.admin, bundle, bundle.migrations[-1].name, role=empty.role, lock_wait=30)
    assert (ended.state, touches(empty.admin)) == ("done", [(1, ROWS)])


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "postgres", changes={"fsync": "off"})
    cluster.launch()
    cluster.ready()
    yield cluster
    cluster.stop()


def test_a_server_that_restarts_ends_the_run_with_clear_words_and_the_next_goes_on(
    own_server: Cluster, tmp_path: Path
) -> None:
    conninfo = own_server.dsn("postgres")
    ask(conninfo, "create schema shop;" + MAKE)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "job.sql").write_text(JOB)
    bundle, batches = loose(folder), 0
    killed = Manner(batch=50, target=1e-9, limits=None)

    def restart(event: Any) -> None:
        nonlocal batches
        batches += isinstance(event, Batch)
        if batches == 3 and isinstance(event, Batch):
            own_server.stop()

    with pytest.raises(OperatorError, match="the connection broke") as refused:
        run_job(conninfo, bundle, "job.sql", report=restart, manner=killed)
    assert refused.value.code == "migration_connection"
    own_server.launch()
    own_server.ready()
    conninfo = own_server.dsn("postgres")
    ended = run_job(conninfo, bundle, "job.sql", manner=Manner(limits=None))
    assert (ended.state, touches(conninfo)) == ("done", [(1, ROWS)])


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate", "job", *words]


@pytest.fixture
def slow_job(empty: Any, tmp_path: Path) -> list[str]:
    """A job whose every batch takes a while, as words of a command."""
    ask(empty.admin, MAKE)
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "2025-01-01T0000__shop__slow.sql").write_text(
        JOB.replace(" where", " from pg_sleep(0.05) where")
    )
    return ["slow", str(folder), "--postgres", empty.admin]


@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_behind_its_batch_with_130(
    empty: Any, slow_job: list[str], wish: signal.Signals
) -> None:
    words = command("run", *slow_job, "--batch", "10", "--target", "0.0001", "--events")
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    heard = []
    for line in running.stdout:
        heard.append(json.loads(line))
        if heard[-1]["type"] == "Batch" and running.poll() is None:
            running.send_signal(wish)
            break
    heard += [json.loads(line) for line in running.stdout]
    assert running.wait() == 130
    assert (heard[-1]["type"], heard[-1]["state"]) == ("Ended", "stopped")
    done, counted, at = progress(empty.admin)
    assert heard[-1]["rows_done"] == done == counted == at < ROWS


def test_a_second_ctrl_c_cancels_the_statement(empty: Any, slow_job: list[str], tmp_path: Path) -> None:
    path = next((tmp_path / "loose").iterdir())
    path.write_text(JOB.replace(" where", " from pg_sleep(500) where"))
    running = subprocess.Popen(command("run", *slow_job, "--json"), stdout=subprocess.PIPE, text=True)
    until(empty.admin, "select 1 from pg_stat_activity where wait_event = 'PgSleep'")
    running.send_signal(signal.SIGINT)
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        time.sleep(0.3)  # two signals at once would be one
    assert running.wait() == 130
    until(
        empty.admin, "select 1 where not exists (select from pg_stat_activity where wait_event = 'PgSleep')"
    )
    assert touches(empty.admin) == [(0, ROWS)]


def test_another_terminal_pauses_a_job_and_resumes_it(empty: Any, slow_job: list[str]) -> None:
    words = command("run", *slow_job, "--batch", "10", "--target", "0.0001", "--events")
    running = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    next(line for line in running.stdout if '"Batch"' in line)
    paused = subprocess.run(command("pause", *slow_job), capture_output=True, text=True, check=True)
    assert json.loads(paused.stdout)["pid"] is not None
    last = json.loads(list(running.stdout)[-1])
    assert (running.wait(), last["state"]) == (1, "paused")
    again = subprocess.run(command("run", *slow_job), capture_output=True, text=True, check=False)
    assert (again.returncode, json.loads(again.stderr)["code"]) == (1, "job_paused")
    resumed = subprocess.run(
        command("resume", *slow_job, "--batch", "5000"), capture_output=True, text=True, check=True
    )
    assert json.loads(resumed.stdout)["state"] == "done"
    assert touches(empty.admin) == [(1, ROWS)]
