"""`lamppost migrate job`, as a person or a program runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROWS = 12_000
JOB = (
    "-- lamppost: job shop.things by id\n"
    "update shop.things set touched = touched + 1 where id between $1 and $2"
)


class Folder:
    """A folder of files, and commands about it."""

    def __init__(self, path: Path, conninfo: str) -> None:
        self.path = path
        self.conninfo = conninfo

    def run(self, *words: str, options: tuple[str, ...] = ()) -> tuple[int, Any]:
        place = (str(self.path), "--postgres", self.conninfo)
        program = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate"]
        done = subprocess.run(
            [*program, *words, *place, *options], capture_output=True, text=True, check=False
        )
        return done.returncode, json.loads(done.stdout or done.stderr)


@pytest.fixture
def folder(empty: Any, tmp_path: Path) -> Folder:
    path = tmp_path / "sql"
    path.mkdir()
    (path / "001_things.sql").write_text(
        "create table shop.things (id int primary key, touched int not null default 0);"
        f"insert into shop.things select generate_series(1, {ROWS})"
    )
    made = Folder(path, empty.admin)
    made.run("apply")
    (path / "002_touch_things.sql").write_text(JOB)
    (path / "003_touch_more.sql").write_text(JOB)
    return made


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def states(folder: Folder) -> list[str]:
    return [job["state"] for job in folder.run("job", "list")[1]["jobs"]]


def test_jobs_are_listed_run_by_a_part_of_their_name_and_done(folder: Folder, empty: Any) -> None:
    assert states(folder) == ["open", "open"]
    code, done = folder.run("job", "run", "touch_things", options=("--batch", "5000"))
    assert (code, done["state"], done["rows_done"]) == (0, "done", ROWS)
    assert states(folder) == ["done", "open"]
    assert folder.run("job", "run", "touch_things")[0] == 0
    assert ask(empty.admin, "select distinct touched from shop.things") == [(1,)]


def test_a_name_that_two_jobs_have_is_refused_with_both(folder: Folder) -> None:
    code, refused = folder.run("job", "run", "touch")
    assert (code, refused["code"]) == (1, "job_unknown")
    assert "002_touch_things.sql, 003_touch_more.sql" in refused["fix"]


def test_a_file_that_is_no_job_is_said_to_be_none(folder: Folder) -> None:
    code, refused = folder.run("job", "run", "001_things")
    assert (code, "is no job" in refused["error"]) == (1, True)


def test_a_deploy_names_the_jobs_it_leaves(folder: Folder, empty: Any) -> None:
    code, applied = folder.run("apply")
    assert code == 0
    assert applied["databases"][empty.name]["jobs"] == ["002_touch_things.sql", "003_touch_more.sql"]


def test_a_failed_job_says_why_and_begins_anew_after_restart(folder: Folder, empty: Any) -> None:
    (folder.path / "002_touch_things.sql").write_text(JOB.replace("touched + 1", "1 / (id - 7000)"))
    code, refused = folder.run("job", "run", "touch_things")
    assert (code, refused["code"]) == (1, "migration_failed")
    _, shown = folder.run("job", "status", "touch_things")
    assert (shown["state"], shown["last_key"]) == ("failed", "6999")
    assert "where id is 7000" in shown["last_error"]
    (folder.path / "002_touch_things.sql").write_text(JOB)
    code, refused = folder.run("job", "run", "touch_things")
    assert (code, refused["code"]) == (1, "migration_edited")
    assert folder.run("job", "restart", "touch_things") == (
        0,
        {"job": "002_touch_things.sql", "forgotten": True},
    )
    assert folder.run("job", "run", "touch_things")[1]["rows_done"] == ROWS
    assert folder.run("job", "restart", "touch_things")[1]["code"] == "job_restart"


def test_a_job_is_paused_before_it_ever_ran_only_when_there_is_something_to_pause(folder: Folder) -> None:
    code, refused = folder.run("job", "pause", "touch_things")
    assert (code, refused["code"]) == (1, "job_pause")


@pytest.mark.parametrize("limit", ["lag=3", "replica-lag=much", "replica-lag"])
def test_a_limit_that_says_nothing_is_refused(folder: Folder, limit: str) -> None:
    code, refused = folder.run("job", "run", "touch_things", options=("--limit", limit))
    assert (code, refused["code"]) == (1, "job_signal")


def test_events_are_one_object_a_line_and_the_last_says_how_it_ended(folder: Folder) -> None:
    program = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate", "job", "run"]
    done = subprocess.run(
        [*program, "touch_things", str(folder.path), "--postgres", folder.conninfo, "--events"],
        capture_output=True,
        text=True,
        check=True,
    )
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert (heard[0]["type"], heard[-1]["type"], heard[-1]["state"]) == ("Begun", "Ended", "done")
    assert sum(event["rows"] for event in heard if event["type"] == "Batch") == ROWS
