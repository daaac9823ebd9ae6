"""`lamppost migrate rehearse` and `drift`, as a person or a pipeline runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lamppost.local.postgres import address

COMMAND = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "migrate"]


def run(folder: Path, *words: str, **environment: str) -> tuple[int, Any]:
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or done.stderr)


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """A folder that is no Lamppost repository, with two files."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001_tables.sql").write_text(
        "create schema app; create table app.pets (id bigint primary key, name text not null);"
        " grant select on app.pets to readers;"
    )
    (folder / "002_index.sql").write_text("create index pets_name on app.pets (name)")
    return folder


def test_a_loose_folder_is_rehearsed_without_a_database_and_the_server_is_gone(loose: Path) -> None:
    temporary = loose.parent / "tmp"
    temporary.mkdir()
    code, said = run(loose.parent, "rehearse", "migrations", "--rows", "2000", TMPDIR=str(temporary))
    (database,) = said["databases"]
    assert (code, said["verdict"], [file["name"] for file in database["files"]]) == (
        1,
        "block",
        ["001_tables.sql", "002_index.sql"],
    )
    assert database["files"][1]["statements"][0]["locks"] == [["app.pets", "SHARE"]]
    assert list(temporary.iterdir()) == []


def test_only_the_files_named_are_judged_and_those_before_are_applied(loose: Path) -> None:
    (loose / "003_more.sql").write_text("alter table app.pets add column age int")
    code, said = run(loose.parent, "rehearse", "migrations/003_more.sql", "--rows", "1000")
    (database,) = said["databases"]
    assert code == 0
    assert [file["name"] for file in database["files"]] == ["003_more.sql"]
    assert database["applied"] == ["001_tables.sql", "002_index.sql"]


def test_a_rehearsal_that_is_ended_takes_its_server_with_it(loose: Path) -> None:
    temporary = loose.parent / "tmp"
    temporary.mkdir()
    (loose / "003_long.sql").write_text("select pg_sleep(20)")
    command = subprocess.Popen(
        [*COMMAND, "rehearse", "migrations", "--json"],
        cwd=loose.parent,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(temporary.glob("*/cluster/postmaster.pid")):
        assert command.poll() is None
        time.sleep(0.01)
    command.send_signal(signal.SIGTERM)
    assert command.wait(30) == 130
    assert list(temporary.iterdir()) == []


def test_drift_of_a_loose_folder_is_found(loose: Path, empty: Any, postgres_cluster: address.Address) -> None:
    import psycopg

    (loose / "001_tables.sql").write_text("create schema app; create table app.pets (id int, name text)")
    url = postgres_cluster.dsn(empty.name)
    run(loose.parent, "apply", "migrations", "--postgres", url)
    assert run(loose.parent, "drift", "migrations", "--postgres", url)[1]["differences"] == 0
    with psycopg.connect(url, autocommit=True) as hand:
        hand.execute("alter table app.pets add column sneaked text")
    code, said = run(loose.parent, "drift", "migrations", "--postgres", url)
    (one,) = said["databases"][0]["differences"]
    assert (code, one["name"], one["cause"]) == (1, "pets.sneaked", "changed by hand")


def test_tables_of_the_schema_public_are_rehearsed_too(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "001.sql").write_text("create table public.cats (id bigint primary key, name text)")
    concurrent = "-- lamppost: no-transaction\ncreate index concurrently cats_name on public.cats (name)"
    (folder / "002.sql").write_text(concurrent)
    code, said = run(tmp_path, "rehearse", "migrations", "--rows", "1000")
    assert (code, said["verdict"]) == (0, "pass")
