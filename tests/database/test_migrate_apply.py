"""Applying files to a real database."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import lock
from lamppost.migrate.apply import Outcome, apply
from lamppost.migrate.events import Applied, Blocked, Event, Waiting
from lamppost.migrate.files import Bundle

Files = Callable[..., Bundle]


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def names(conninfo: str) -> list[str]:
    rows = ask(conninfo, "select name from public.schema_migrations where service = 'shop' order by id")
    return [name.split("__")[2].removesuffix(".sql") for (name,) in rows]


def test_each_file_is_applied_once_and_the_second_run_has_nothing_to_do(empty: Any, files: Files) -> None:
    bundle = files(cats="create table shop.cats (id int)", dogs="create table shop.dogs (id int)")
    first = apply(empty.admin, bundle, role=empty.role)
    second = apply(empty.admin, bundle, role=empty.role)
    assert first.applied == tuple(migration.name for migration in bundle.migrations)
    assert second == Outcome((), first.head)
    assert second.head["shop"].endswith("dogs.sql")


def test_the_migrator_role_owns_what_a_file_makes_and_the_app_role_may_use_it(
    empty: Any, files: Files
) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id serial)"), role=empty.role)
    assert ask(empty.admin, "select tableowner from pg_tables where tablename = 'cats'") == [(empty.role,)]
    assert ask(empty.app, "insert into shop.cats default values returning id") == [(1,)]


def test_eight_migrators_at_once_apply_each_file_once(empty: Any, files: Files) -> None:
    bundle = files(**{f"n{i}": f"create table shop.t{i} (id int)" for i in range(5)})
    gate = threading.Barrier(8)

    def migrate(_: int) -> int:
        gate.wait()
        return len(apply(empty.admin, bundle, role=empty.role).applied)

    with ThreadPoolExecutor(8) as pool:
        counts = sorted(pool.map(migrate, range(8)))
    assert counts == [0] * 7 + [len(bundle.migrations)]


def test_an_edited_file_stops_the_run_before_anything_changes(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    edited = files(cats="create table shop.cats (id bigint)", dogs="create table shop.dogs (id int)")
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, edited, role=empty.role)
    assert refused.value.code == "migration_edited"
    assert ask(empty.admin, "select to_regclass('shop.dogs')") == [(None,)]


def test_a_failing_file_names_its_line_and_leaves_nothing_of_itself(empty: Any, files: Files) -> None:
    bundle = files(
        cats="create table shop.cats (id int)",
        dogs="create table shop.dogs (id int);\n\ninsert into shop.nowhere values (1)",
    )
    with pytest.raises(AuthorError, match=r"dogs\.sql:3: relation .* does not exist \(42P01\)"):
        apply(empty.admin, bundle, role=empty.role)
    assert names(empty.admin) == ["cats"]
    assert ask(empty.admin, "select to_regclass('shop.dogs')") == [(None,)]


@pytest.mark.parametrize(
    "words", ["commit", "rollback", "commit; begin", "rollback; begin", "end; begin; create table shop.x ()"]
)
def test_a_file_that_ends_its_transaction_is_never_recorded(empty: Any, files: Files, words: str) -> None:
    bundle = files(cats=f"create table shop.cats (id int); {words}; create table shop.dogs (id int)")
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, bundle, role=empty.role)
    assert refused.value.code == "migration_transaction"
    assert names(empty.admin) == []


def test_what_one_file_sets_does_not_reach_the_next(empty: Any, files: Files) -> None:
    bundle = files(
        rude="set search_path = shop; set role none; set statement_timeout = 200; set time zone 'Asia/Tokyo'",
        next="create table shop.seen as select current_user as who, current_setting('search_path') as path,"
        " current_setting('timezone') as zone",
    )
    apply(empty.admin, bundle, role=empty.role)
    assert ask(empty.admin, "select * from shop.seen") == [(empty.role, '"$user", public', "UTC")]


def test_an_index_is_built_concurrently_in_a_file_without_a_transaction(empty: Any, files: Files) -> None:
    bundle = files(
        cats="create table shop.cats (id int)",
        index="-- lamppost: no-transaction\n"
        "create index concurrently cats_id on shop.cats (id);\nvacuum shop.cats",
    )
    apply(empty.admin, bundle, role=empty.role)
    assert names(empty.admin) == ["cats", "index"]
    rows = ask(
        empty.admin, "select statements, sha256 from public.schema_migrations order by id desc limit 1"
    )
    assert rows == [(None, bundle.migrations[-1].sha256)]


def test_the_same_statement_inside_a_transaction_is_refused_with_the_line_that_helps(
    empty: Any, files: Files
) -> None:
    bundle = files(
        cats="create table shop.cats (id int)", index="create index concurrently i on shop.cats (id)"
    )
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, bundle, role=empty.role)
    assert "-- lamppost: no-transaction" in refused.value.fix


def test_a_file_without_a_transaction_goes_on_after_the_statement_that_failed(
    empty: Any, files: Files
) -> None:
    head = "-- lamppost: no-transaction\ncreate table shop.cats (id int);\n"
    with pytest.raises(AuthorError, match=r"steps\.sql:3"):
        apply(empty.admin, files(steps=f"{head}insert into shop.nowhere values (1);"), role=empty.role)
    mended = files(steps=f"{head}insert into shop.cats values (1);")
    assert len(apply(empty.admin, mended, role=empty.role).applied) == 1
    assert ask(empty.admin, "select * from shop.cats") == [(1,)]


def test_an_index_left_invalid_by_a_broken_build_is_built_anew(empty: Any, files: Files) -> None:
    statement = "create unique index concurrently if not exists cats_id on shop.cats (id)"
    make = "create table shop.cats (id int); insert into shop.cats values (1), (1)"
    bundle = files(cats=make, index=f"-- lamppost: no-transaction\n{statement}")
    with pytest.raises(AuthorError, match="23505"):
        apply(empty.admin, bundle, role=empty.role)
    valid = "select indisvalid from pg_index where indexrelid = 'shop.cats_id'::regclass"
    assert ask(empty.admin, valid) == [(False,)]
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute("delete from shop.cats")
    apply(empty.admin, bundle, role=empty.role)
    assert ask(empty.admin, valid) == [(True,)]


def test_a_waiting_migrator_says_who_has_the_lock_and_gives_up_in_time(empty: Any, files: Files) -> None:
    heard: list[Event] = []
    with psycopg.connect(empty.admin, autocommit=True, application_name="someone else") as holder:
        holder.execute("select pg_advisory_lock(%s, %s)", (lock.PRODUCT, lock.MIGRATING))
        with pytest.raises(OperatorError) as refused:
            apply(empty.admin, files(), role=empty.role, lock_wait=0.2, report=heard.append)
        assert refused.value.code == "migration_locked"
        assert f"pid {holder.info.backend_pid} (someone else)" in refused.value.what
    assert [type(event) for event in heard] == [Waiting]


def test_a_table_that_is_in_use_is_tried_again_and_its_user_named(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    bundle = files(more="alter table shop.cats add column name text")
    heard: list[Event] = []
    holder = psycopg.connect(empty.admin, application_name="long report")
    holder.execute("select * from shop.cats")

    def hear(event: Event) -> None:
        heard.append(event)
        if isinstance(event, Blocked):
            holder.close()

    apply(empty.admin, bundle, role=empty.role, lock_timeout=0.4, report=hear)
    blocked, done = heard
    assert isinstance(blocked, Blocked)
    assert "long report" in blocked.blocker
    assert isinstance(done, Applied)


def test_a_table_that_stays_in_use_ends_the_run_with_nothing_changed(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    with psycopg.connect(empty.admin) as holder:
        holder.execute("select * from shop.cats")
        with pytest.raises(OperatorError) as refused:
            apply(
                empty.admin,
                files(more="drop table shop.cats"),
                role=empty.role,
                lock_timeout=0.1,
                tries=2,
            )
    assert refused.value.code == "migration_blocked"
    assert names(empty.admin) == ["cats"]


def test_a_ledger_of_the_plain_kind_is_widened_and_its_files_count_as_applied(
    empty: Any, files: Files
) -> None:
    bundle = files(cats="create table shop.cats (id int)")
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute(f'set role "{empty.role}"'.encode())
        connection.execute(
            "create table public.schema_migrations (id serial primary key, name text not null unique,"
            " applied_at timestamptz not null default now())"
        )
        connection.execute(
            "insert into public.schema_migrations (name) values (%s)", (bundle.migrations[-1].name,)
        )
    apply(empty.admin, bundle, role=empty.role)
    assert ask(empty.admin, "select to_regclass('shop.cats')") == [(None,)]
    unknown = "select name from public.schema_migrations where sha256 is null"
    assert ask(empty.admin, unknown) == [(bundle.migrations[-1].name,)]


def test_a_percent_sign_is_a_percent_sign(empty: Any, files: Files) -> None:
    apply(empty.admin, files(likes="create view shop.v as select 'a' like '%s%' as hit"), role=empty.role)
    assert ask(empty.admin, "select * from shop.v") == [(False,)]


def test_a_database_that_writes_dates_its_own_way_is_migrated_like_any(empty: Any, files: Any) -> None:
    with psycopg.connect(empty.admin, autocommit=True) as admin:
        admin.execute(f"alter database {empty.name} set datestyle = 'German, DMY'".encode())
    bundle = files(cats="create table shop.cats (id int)")
    apply(empty.admin, bundle, role=empty.role)
    assert apply(empty.admin, bundle, role=empty.role).applied == ()
