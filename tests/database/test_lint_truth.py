"""What the corpus says about locks, scans and rewrites is what a real server does."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from lamppost.local.postgres.cluster import Cluster
from tests.database.lint_trial import Felt, felt
from tests.lint_corpus import SCHEMA, Case, corpus

CASES = [case for case in corpus() if "felt" in case]
# Nothing here outlives the test, and everything is taken back: no log of it, nobody tidying behind it.
FLEETING = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@pytest.fixture
def server(make_cluster: Callable[..., Cluster], tmp_path: Path) -> Cluster:
    cluster = make_cluster(tmp_path / "server", changes=FLEETING)
    cluster.launch()
    cluster.ready()
    with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
        admin.execute("create database seeded")
    with psycopg.connect(cluster.dsn("seeded"), autocommit=True) as admin:
        admin.execute(SCHEMA.read_bytes())
    return cluster


@pytest.mark.slow
def test_the_server_does_what_the_corpus_says(server: Cluster) -> None:
    """One transaction each, taken back; a case with an earlier file in a copy of the database."""
    seen: dict[str, Felt] = dict(_seen(server))
    assert seen == {case["name"]: case["felt"] for case in CASES}


def test_whoever_makes_others_wait_or_fails_is_called_unsafe() -> None:
    assert [case["name"] for case in CASES if case["felt"] != "free" and not case["unsafe"]] == []


def _seen(server: Cluster) -> Iterator[tuple[str, Felt]]:
    with psycopg.connect(server.dsn("seeded"), autocommit=True) as connection:
        for case in CASES:
            if "prior" not in case:
                yield case["name"], felt(connection, case["sql"])
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        for case in CASES:
            if "prior" in case:
                yield case["name"], _after_its_earlier_file(server, admin, case)


def _after_its_earlier_file(
    server: Cluster, admin: "psycopg.Connection[tuple[object, ...]]", case: Case
) -> Felt:
    admin.execute("create database copy template seeded strategy file_copy")
    try:
        with psycopg.connect(server.dsn("copy"), autocommit=True) as connection:
            connection.execute(case["prior"].encode())
            return felt(connection, case["sql"])
    finally:
        admin.execute("drop database copy with (force)")
