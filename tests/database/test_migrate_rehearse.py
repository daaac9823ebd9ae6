"""Files on a throw-away server: what they are seen to do, and where that is not what was foretold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.lint.model import Finding
from lamppost.migrate.rehearse.rehearsal import Stage, rehearse
from lamppost.migrate.rehearse.report import DatabaseReport, FileReport
from lamppost.migrate.rehearse.seed import Seeder
from lamppost.migrate.rehearse.seen import Seen

ROWS = 3000
TABLES = """
create table shop.owners (id bigint primary key, name text not null);
create table shop.cats (
    id    bigint generated always as identity primary key,
    owner bigint not null references shop.owners,
    name  varchar(40) not null,
    age   integer
);
"""
Play = Callable[..., DatabaseReport]


@pytest.fixture
def play(empty: Any, files: Callable[..., Bundle], tmp_path: Path) -> Play:
    """Rehearse these files after the tables; the report is of what follows the tables."""

    def play(**statements: str) -> DatabaseReport:
        bundle = files(tables=TABLES, **statements)
        stage = Stage(database=empty.name, conninfo=empty.admin, role=empty.role, pg="18", rows=ROWS)
        folder = tmp_path / "shop" / "migrations"
        judged = frozenset(one.name for one in bundle.of("shop")[1:])
        return rehearse(
            stage,
            bundle,
            judged=judged,
            paths={path.name: path for path in folder.iterdir()},
            report=lambda file: None,
        )

    return play


def last(report: DatabaseReport) -> FileReport:
    return report.files[-1]


def only(report: DatabaseReport) -> Seen:
    (statement,) = last(report).statements
    return statement


def test_a_column_without_a_default_locks_and_reads_nothing(play: Play) -> None:
    report = play(one="alter table shop.cats add column tag text")
    seen = only(report)
    assert (dict(seen.locks)["shop.cats"], seen.scans, seen.rewrites) == ("ACCESS EXCLUSIVE", (), ())
    assert (report.blocks, report.again, last(report).contradictions) == (False, (), ())


def test_an_index_reads_all_rows_while_writers_wait(play: Play) -> None:
    report = play(one="create index cats_name on shop.cats (name)")
    seen = only(report)
    assert (seen.locks, seen.waits) == ((("shop.cats", "SHARE"),), "writers")
    assert dict(seen.scans)["shop.cats"] >= ROWS
    assert [one.rule for one in last(report).findings] == ["index-blocks-writes"]
    assert report.blocks


def test_a_volatile_default_writes_the_table_anew(play: Play) -> None:
    seen = only(play(one="alter table shop.cats add column code uuid not null default gen_random_uuid()"))
    assert (seen.rewrites, seen.rows) == (("shop.cats",), {"shop.cats": ROWS})


def test_a_truncated_table_is_emptied_not_written_anew(play: Play) -> None:
    seen = only(play(one="truncate shop.cats"))
    assert (seen.emptied, seen.rewrites) == (("shop.cats",), ())


def test_a_concurrent_build_shows_its_lock_to_a_second_session(play: Play) -> None:
    report = play(one="-- lamppost: no-transaction\ncreate index concurrently cats_name on shop.cats (name)")
    seen = only(report)
    assert (seen.how, dict(seen.locks)["shop.cats"]) == ("second session", "SHARE UPDATE EXCLUSIVE")
    # It reads the table twice: once to build, once for what came in meanwhile.
    assert dict(seen.scans)["shop.cats"] >= ROWS
    assert (seen.waits, report.blocks, report.again) == ("nobody", False, ())


def test_a_statement_without_transaction_that_could_have_one_is_watched_in_one(play: Play) -> None:
    seen = only(play(one="-- lamppost: no-transaction\nalter table shop.cats alter age set default 1"))
    assert (seen.how, dict(seen.locks)["shop.cats"]) == ("transaction", "ACCESS EXCLUSIVE")


def test_what_lint_lets_pass_and_postgres_does_is_contradicted_loudly(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(*_: Any) -> list[Finding]:
        return []

    monkeypatch.setattr("lamppost.migrate.rehearse.rehearsal.lint_file", blind)
    report = play(one="create index cats_name on shop.cats (name)")
    (one,) = last(report).contradictions
    assert (one.who, one.worse, "rows of shop.cats were read" in one.did) == ("lint", True, True)
    assert report.blocks


def test_what_the_header_allows_is_no_contradiction(play: Play) -> None:
    text = "-- lamppost: allow index-blocks-writes, the table is small\ncreate index c on shop.cats (name)"
    report = play(one=text)
    assert (last(report).contradictions, report.blocks) == ((), False)


def test_a_file_that_fails_ends_the_rehearsal_and_names_what_was_not_reached(play: Play) -> None:
    report = play(
        one="alter table shop.cats add column a int;\nalter table shop.nope add b int", two="select 1"
    )
    failed = last(report).failed
    assert failed is not None
    assert (failed.line, failed.code, len(report.unreached)) == (2, "42P01", 1)


def test_a_file_that_fails_on_rows_only_fails(play: Play) -> None:
    failed = last(play(one="alter table shop.cats add column a int not null")).failed
    assert failed is not None
    assert failed.code == "23502"


def test_made_up_rows_that_break_a_constraint_give_way_and_that_is_said(play: Play) -> None:
    report = play(one="alter table shop.cats add constraint odd check (name = 'none of ours') not valid",
                  two="alter table shop.cats validate constraint odd")  # fmt: skip
    assert last(report).failed is None
    assert "shop.cats" in last(report).notes[0]


def test_a_file_that_ends_its_transaction_fails(play: Play) -> None:
    failed = last(play(one="create table shop.a (id int);\ncommit;\ncreate table shop.b (id int)")).failed
    assert failed is not None
    assert failed.line == 2


def test_a_job_is_rehearsed_over_all_keys_and_its_contract_file_does_not_wait(play: Play) -> None:
    report = play(
        fill="-- lamppost: job shop.cats by id\nupdate shop.cats set age = 1 where id between $1 and $2",
        gone="-- lamppost: phase contract\nalter table shop.owners alter name drop not null",
    )
    assert [file.failed for file in report.files] == [None, None]
    assert dict(report.files[0].statements[0].changes) == {"shop.cats": ROWS}


def test_a_file_is_watched_first_and_applied_once(play: Play, empty: Any) -> None:
    play(one="insert into shop.owners values (0, 'first')")
    with psycopg.connect(empty.admin) as connection:
        row = connection.execute("select count(*) from shop.owners where id = 0").fetchone()
    assert row == (1,)


ODD = """
create type shop.mood as enum ('sad', 'glad');
create domain shop.email as text check (value ~ '^[^@]+@[^@]+$');
create table shop.people (
    id     uuid primary key default gen_random_uuid(),
    email  shop.email not null unique,
    mood   shop.mood not null,
    price  numeric(5, 2) not null,
    tags   text[] not null,
    status text not null check (status in ('new', 'done')),
    stars  integer not null check (stars between 3 and 5),
    code   text not null check (code ~ '^[A-Z]{3}$'),
    zone   text not null check (zone = 'UTC' or zone like 'Europe/%'),
    boss   uuid references shop.people,
    during tstzrange not null
);
create table shop.visits (
    person uuid not null references shop.people, day date not null check (day > '2022-01-01'), note jsonb,
    primary key (person, day)
);
create table shop.events (id bigint, at timestamptz not null) partition by range (at);
create table shop.events_2024 partition of shop.events for values from ('2024-01-01') to ('2025-01-01');
create table shop.secret (word text not null check (word = md5('salt' || word)));
create table shop.kept (id int primary key);
insert into shop.kept values (7);
"""


def test_empty_tables_get_rows_that_their_constraints_accept_and_others_are_named(
    empty: Any, files: Callable[..., Bundle]
) -> None:
    apply(empty.admin, files(odd=ODD), role=empty.role)
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        seeder = Seeder(connection, 500)
        seeder.fill()
        orphans = connection.execute(
            "select count(*) from shop.visits where person not in (select id from shop.people)"
        ).fetchone()
    wanted = {"people", "visits", "events_2024"}
    assert {name: seeder.rows[f"shop.{name}"] for name in wanted} == dict.fromkeys(wanted, 500)
    assert (seeder.rows["shop.kept"], list(seeder.unseeded), orphans) == (1, ["shop.secret"], (0,))
