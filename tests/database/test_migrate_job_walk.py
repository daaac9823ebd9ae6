"""Walks through real tables: every row once, whatever its key, and clear words where that cannot be."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.jobs.batch import Manner
from lamppost.migrate.jobs.events import Batch, Begun, JobEvent, Retried
from lamppost.migrate.jobs.inline import Inline
from lamppost.migrate.jobs.run import JobOutcome, run_job

Files = Callable[..., Bundle]
HEAD = "-- lamppost: job shop.things by {key}\n"
TOUCH = "update shop.things set touched = touched + 1 where {key} between $1 and $2"
NOT_INLINE = Inline(rows=0)


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def prepared(
    empty: Any, files: Files, *, kind: str, rows: str, statement: str = TOUCH, key: str = "id"
) -> Bundle:
    """A table whose key is `kind`, filled by `rows`, a query of its keys, and a job that walks through it."""
    make = f"create table shop.things ({key} {kind} primary key, touched int not null default 0);"
    apply(empty.admin, files(things=f"{make} insert into shop.things ({key}) {rows}"), role=empty.role)
    return files(job=(HEAD + statement).format(key=key))


def walk(empty: Any, bundle: Bundle, **how: Any) -> JobOutcome:
    manner = how.pop("manner", Manner(batch=3, target=1e-9, limits=None))
    return run_job(empty.admin, bundle, bundle.migrations[-1].name, role=empty.role, manner=manner, **how)


def touched(empty: Any) -> list[tuple[int, int]]:
    return ask(empty.admin, "select touched, count(*)::int from shop.things group by 1 order by 1")


def test_every_row_is_touched_once_and_the_file_counts_as_applied(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="bigint", rows="select i * 7 from generate_series(-50, 50) as i")
    done = walk(empty, bundle)
    assert (done.state, done.rows_done, done.rows_changed) == ("done", 101, 101)
    assert touched(empty) == [(1, 101)]
    assert apply(empty.admin, bundle, role=empty.role).applied == ()
    row = (
        "select sha256, text is not null, applied_by from public.schema_migrations where name like '%job.sql'"
    )
    assert ask(empty.admin, row) == [(bundle.migrations[-1].sha256, True, "lamppost")]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("int", "select * from generate_series(1, 40)"),
        ("uuid", "select gen_random_uuid() from generate_series(1, 40)"),
        ("numeric", "select i / 7::numeric from generate_series(1, 39) as i union all select 'NaN'"),
        ("float8", "select i / 7::float8 from generate_series(-19, 19) as i union all select '-infinity'"),
        ("date", "select date '2024-02-01' + i from generate_series(1, 38) as i"
         " union all select unnest('{infinity, 0044-03-15 BC}'::date[])"),
        ("timestamptz", "select timestamptz '2025-03-30 00:59:59.999990+01' + i * interval '1 us'"
         " from generate_series(1, 40) as i"),
        ("interval", "select i * interval '1 month 3 days -00:00:01' from generate_series(1, 40) as i"),
        ("char(5)", "select 'k' || i from generate_series(1, 40) as i"),
        ("bytea", "select decode(lpad(to_hex(i * 6), 2, '0'), 'hex') from generate_series(1, 40) as i"),
        ("text", "select chr(i) || '''\"\\$1 ;--%s' || chr(10) from generate_series(30, 68) as i"
         " union all select ''"),
    ],
)  # fmt: skip
def test_keys_of_any_kind_with_an_order_are_walked(empty: Any, files: Files, kind: str, rows: str) -> None:
    bundle = prepared(empty, files, kind=kind, rows=rows)
    # Keys travel as text, and what a server writes by default must not matter.
    for setting in ("datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'", "extra_float_digits = -5"):
        ask(empty.admin, f'alter database "{empty.name}" set {setting}')
    done = walk(empty, bundle)
    assert (done.rows_done, touched(empty)) == (40, [(1, 40)])


def test_an_index_in_another_order_than_the_columns_is_not_enough(empty: Any, files: Files) -> None:
    make = (
        "create table shop.things (id text not null, touched int not null default 0);"
        ' create unique index on shop.things (id collate "POSIX")'
    )
    apply(empty.admin, files(things=make), role=empty.role)
    with pytest.raises(AuthorError, match="no unique index of its own"):
        walk(empty, files(job=(HEAD + TOUCH).format(key="id")))


def test_a_column_needs_quotes_and_gets_them(empty: Any, files: Files) -> None:
    apply(
        empty.admin,
        files(
            things='create table shop.things ("order" int primary key); insert into shop.things values (1)'
        ),
        role=empty.role,
    )
    bundle = files(
        job='-- lamppost: job shop.things by order\ndelete from shop.things where "order" between $1 and $2'
    )
    assert walk(empty, bundle).rows_changed == 1


@pytest.mark.parametrize("count", [0, 1])
def test_a_table_with_hardly_a_row_is_soon_done(empty: Any, files: Files, count: int) -> None:
    bundle = prepared(empty, files, kind="int", rows=f"select * from generate_series(1, {count})")
    done = walk(empty, bundle)
    assert (done.state, done.rows_done, done.batches) == ("done", count, count)


def test_a_walk_that_deletes_its_rows_ends(empty: Any, files: Files) -> None:
    statement = "delete from shop.things where {key} between $1 and $2"
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 50)", statement=statement)
    assert walk(empty, bundle).rows_changed == 50
    assert touched(empty) == []


def test_partitions_are_walked_as_one_table(empty: Any, files: Files) -> None:
    make = (
        "create table shop.things (id int primary key, touched int not null default 0)"
        " partition by hash (id);"
        "create table shop.a partition of shop.things for values with (modulus 2, remainder 0);"
        "create table shop.b partition of shop.things for values with (modulus 2, remainder 1);"
        "insert into shop.things select generate_series(1, 50)"
    )
    apply(empty.admin, files(things=make), role=empty.role)
    assert walk(empty, files(job=(HEAD + TOUCH).format(key="id"))).rows_done == 50
    assert touched(empty) == [(1, 50)]


def test_rows_that_come_in_behind_the_end_are_gone_after(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 20)")
    came = iter(range(1000, 1100))

    def hear(event: JobEvent | Any) -> None:
        if isinstance(event, Begun):
            ask(empty.admin, f"insert into shop.things values ({next(came)})")

    done = walk(empty, bundle, report=hear)
    # The first pass and three more; what comes in during the last one is the live code's to write right.
    assert (done.rows_done, touched(empty)) == (23, [(0, 1), (1, 23)])


def test_a_statement_that_moves_rows_ahead_behind_our_back_ends_all_the_same(
    empty: Any, files: Files
) -> None:
    move = (
        "create function shop.move(a int, b int) returns void language sql as"
        " 'update shop.things set id = id + 100, touched = touched + 1 where id between a and b'"
    )
    rows = "select generate_series(1, 20)"
    prepared(empty, files, kind="int", rows=rows)
    apply(empty.admin, files(job=move), role=empty.role)
    bundle = files(moves=(HEAD + "select shop.move($1, $2)").format(key="id"))
    assert walk(empty, bundle).rows_done == 80


@pytest.mark.parametrize(
    ("head", "table", "about"),
    [
        ("shop.nothing by id", "id int primary key", "there is no table shop.nothing"),
        ("shop.things by nothing", "id int primary key", "has no column nothing"),
        ("shop.things by other", "id int primary key, other int unique", "may be null"),
        ("shop.things by other", "id int primary key, other int not null", "no unique index of its own"),
        ("shop.things by a", "a int, b int, primary key (a, b)", "several columns \\(a, b\\)"),
        ("shop.things by id", "id text collate \"C\" not null", "no unique index of its own"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_walked_by_that_column_is_refused_with_what_to_do(
    empty: Any, files: Files, head: str, table: str, about: str
) -> None:
    apply(empty.admin, files(things=f"create table shop.things ({table})"), role=empty.role)
    bundle = files(job=f"-- lamppost: job {head}\nupdate shop.things set a = 1 where id between $1 and $2")
    with pytest.raises(AuthorError, match=about) as refused:
        walk(empty, bundle)
    assert (refused.value.code, bool(refused.value.fix)) == ("job_key", True)


def test_a_partial_unique_index_is_not_enough(empty: Any, files: Files) -> None:
    make = (
        "create table shop.things (id int primary key, other int not null);"
        "create unique index on shop.things (other) where other > 5"
    )
    apply(empty.admin, files(things=make), role=empty.role)
    with pytest.raises(AuthorError, match="no unique index of its own"):
        walk(empty, files(job=(HEAD + TOUCH).format(key="other")))


def test_a_wall_that_would_hide_rows_from_the_owner_is_named(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 20)")
    ask(empty.admin, "alter table shop.things enable row level security, force row level security")
    with pytest.raises(AuthorError, match="row-level security") as refused:
        walk(empty, bundle)
    assert "no force row level security" in refused.value.fix
    ask(empty.admin, f'create policy everything on shop.things to "{empty.role}" using (true)')
    assert walk(empty, bundle).rows_done == 20


def test_the_row_that_fails_is_found_and_every_row_before_it_is_done(empty: Any, files: Files) -> None:
    statement = "update shop.things set touched = 1 / (id - 640) where {key} between $1 and $2"
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 1000)", statement=statement)
    with pytest.raises(AuthorError, match=r"job\.sql: division by zero \(22012\) where id is 640"):
        walk(empty, bundle, manner=Manner(limits=None))
    assert ask(empty.admin, "select state, last_key, rows_done::int from public.schema_jobs") == [
        ("failed", "639", 639)
    ]
    ask(empty.admin, "delete from shop.things where id = 640")
    assert walk(empty, bundle).rows_done == 999


def test_a_statement_that_is_wrong_for_every_row_fails_at_once(empty: Any, files: Files) -> None:
    statement = "update shop.things set nothing = 1 where {key} between $1 and $2"
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 1000)", statement=statement)
    heard: list[Any] = []
    with pytest.raises(AuthorError, match=r"nothing.*\(42703\)"):
        walk(empty, bundle, report=heard.append)
    assert [type(event) for event in heard] == [Begun]


def test_a_locked_row_is_waited_for_in_short_and_its_holder_named(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 8)")
    holder = psycopg.connect(empty.admin, application_name="long form")
    holder.execute("update shop.things set touched = touched where id = 5")
    heard: list[Any] = []

    def hear(event: Any) -> None:
        heard.append(event)
        if isinstance(event, Retried) and "long form" in event.why:
            holder.rollback()

    manner = Manner(batch=8, limits=None, lock_timeout=1.8)
    assert walk(empty, bundle, report=hear, manner=manner).retries == 1
    assert [event.rows for event in heard if isinstance(event, Retried)] == [4]
    assert touched(empty) == [(1, 8)]


def test_a_row_that_stays_locked_ends_the_run_and_names_its_holder(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 8)")
    with psycopg.connect(empty.admin) as holder:
        holder.execute("update shop.things set touched = touched where id = 5")
        with pytest.raises(OperatorError, match="did not get through in 2 tries") as refused:
            walk(empty, bundle, manner=Manner(batch=4, limits=None, lock_timeout=0.05, tries=2))
    assert refused.value.code == "migration_blocked"
    assert walk(empty, bundle).rows_done == 8


def test_a_batch_that_takes_too_long_is_tried_with_half_the_rows(empty: Any, files: Files) -> None:
    statement = (
        "update shop.things set touched = touched + 1 from pg_sleep(0.004 * ($2 - $1))"
        " where id between $1 and $2"
    )
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 200)", statement=statement)
    heard: list[Any] = []
    manner = Manner(batch=200, limits=None, statement_timeout=0.25)
    assert walk(empty, bundle, report=heard.append, manner=manner).rows_done == 200
    assert [event.rows for event in heard if isinstance(event, Retried)][:2] == [100, 50]
    assert touched(empty) == [(1, 200)]


def test_a_deadlock_is_tried_again(empty: Any, files: Files) -> None:
    statement = (
        "with mine as materialized"
        " (select from shop.things where id between $1 and $2 order by id for update),"
        " gate as materialized (select pg_advisory_xact_lock(7) from (select count(*) from mine) as m)"
        " update shop.things set touched = touched + 1 from (select count(*) from gate) as g"
        " where id between $1 and $2"
    )
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 4)", statement=statement)
    heard: list[Any] = []
    with psycopg.connect(empty.admin, autocommit=True) as other:
        other.execute("set deadlock_timeout = '1h'")
        other.execute("select pg_advisory_lock(7)")
        job = threading.Thread(
            target=lambda: walk(
                empty, bundle, report=heard.append, manner=Manner(limits=None, lock_timeout=60)
            )
        )
        job.start()
        waits = "select 1 from pg_locks where locktype = 'advisory' and objid = 7 and not granted"
        while not ask(empty.admin, waits):
            pass
        # It has the rows and wants our lock; we want its rows: the server ends its transaction, not ours.
        with other.transaction():
            other.execute("update shop.things set touched = touched")
        other.execute("select pg_advisory_unlock(7)")
        job.join()
    assert ["deadlock" in event.why for event in heard if isinstance(event, Retried)] == [True]
    assert touched(empty) == [(1, 4)]


def test_batches_grow_while_they_are_quick(empty: Any, files: Files) -> None:
    bundle = prepared(empty, files, kind="int", rows="select generate_series(1, 1000)")
    sizes: list[int] = []
    walk(
        empty,
        bundle,
        report=lambda event: sizes.append(event.rows) if isinstance(event, Batch) else None,
        manner=Manner(batch=10, target=60.0, limits=None),
    )
    assert sizes == [10, 20, 40, 80, 160, 320, 370]


def test_a_statement_that_becomes_someone_else_or_commits_gains_nothing(empty: Any, files: Files) -> None:
    become = (
        "create function shop.become(a int, b int) returns text language sql as"
        " $$ select set_config('role', 'none', false) || set_config('search_path', 'pg_temp', false) $$"
    )
    prepared(empty, files, kind="int", rows="select generate_series(1, 10)")
    apply(empty.admin, files(job=become), role=empty.role)
    bundle = files(becomes=(HEAD + "select shop.become($1, $2)").format(key="id"))
    assert walk(empty, bundle).state == "done"
    owners = ask(empty.admin, "select tableowner from pg_tables where tablename = 'schema_jobs'")
    assert owners == [(empty.role,)]
