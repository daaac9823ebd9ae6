"""The linter with a catalog to ask: of a real server, with the corpus' schema or one of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from lamppost.local.postgres.cluster import Cluster
from lamppost.migrate.lint.catalog import read
from lamppost.migrate.lint.facts import Known
from tests.lint_corpus import SCHEMA, blocking, corpus

if TYPE_CHECKING:
    from tests.conftest import Empty

Loaded = Callable[[str], Known]


@pytest.fixture
def loaded(empty: "Empty") -> Loaded:
    def load(sql: str) -> Known:
        with psycopg.connect(empty.admin, autocommit=True) as admin:
            admin.execute("set role none")
            admin.execute(sql.encode())
        return Known(read(empty.admin))

    return load


def rules(sql: str, folder: Path, live: Known, *, prior: str = "") -> set[str]:
    return {finding.rule for finding in blocking({"sql": sql, "prior": prior}, folder, live)}


def test_the_verdicts_hold_with_a_catalog_to_ask(
    make_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    server = make_cluster(tmp_path / "server")
    server.launch()
    server.ready()
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(SCHEMA.read_bytes())
    live = Known(read(server.dsn("postgres")))
    wrong = []
    for case in corpus():
        folder = tmp_path / case["name"]
        folder.mkdir()
        found = blocking(case, folder, live)
        if bool(found) != case["unsafe"]:
            wrong.append((case["name"], case["why"], [finding.message for finding in found]))
    assert wrong == []


def test_a_few_rows_are_looked_at_in_no_time(loaded: Loaded, tmp_path: Path) -> None:
    live = loaded(
        "create table shop.few (id int, a text);"
        "insert into shop.few select g, 'x' from generate_series(1, 50) g;"
        "analyze shop.few"
    )
    for sql in (
        "create index on shop.few (a);",
        "alter table shop.few alter column a set not null;",
        "alter table shop.few add constraint c check (id > 0);",
        "alter table shop.few add unique (id);",
    ):
        assert rules(sql, tmp_path, live) == set()
    assert rules("drop table shop.few;", tmp_path, live) == {"drop-object"}
    assert rules("update shop.few set a = 'y';", tmp_path, live) == {"change-reaches-all-rows"}


def test_a_table_nobody_counted_or_an_empty_one_may_be_large(loaded: Loaded, tmp_path: Path) -> None:
    live = loaded(
        "create table shop.uncounted (a int); create table shop.hollow (a int); analyze shop.hollow"
    )
    assert rules("create index on shop.uncounted (a);", tmp_path, live) == {"index-blocks-writes"}
    assert rules("create index on shop.hollow (a);", tmp_path, live) == {"index-blocks-writes"}


def test_what_earlier_files_make_is_there_though_they_have_not_run(loaded: Loaded, tmp_path: Path) -> None:
    live = loaded("create table shop.here (id int)")
    later = "alter table shop.later alter column name set default 'x';"
    alone, after = tmp_path / "alone", tmp_path / "after"
    alone.mkdir()
    after.mkdir()
    assert rules(later, alone, live) == {"missing-object"}
    assert rules(later, after, live, prior="create table shop.later (name varchar(10));") == set()


def test_a_file_that_ran_there_misses_nothing(loaded: Loaded, tmp_path: Path) -> None:
    made = "create table shop.here (id int);"
    assert rules(made, tmp_path, loaded(made)) == {"missing-object"}
    ledger = (
        "create table if not exists public.schema_migrations"
        " (id bigint generated always as identity, name text, applied_at timestamptz default now());"
        "insert into public.schema_migrations (name) values ('2026-01-02T0900__shop__case.sql')"
    )
    assert rules(made, tmp_path, loaded(ledger)) == set()


def test_a_view_keeps_what_it_reads_until_the_file_drops_it(loaded: Loaded, tmp_path: Path) -> None:
    live = loaded("create table shop.t (id int, a text); create view shop.v as select a from shop.t")
    header = "-- lamppost: phase contract\n"
    assert rules(header + "alter table shop.t drop column a;", tmp_path, live) == {"drop-column"}
    assert rules(header + "drop view shop.v;\nalter table shop.t drop column a;", tmp_path, live) == set()
    assert rules(header + "alter table shop.t drop column id;", tmp_path, live) == set()
    assert rules(header + "drop table shop.t;", tmp_path, live) == {"drop-object"}
