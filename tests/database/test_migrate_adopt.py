"""Ledgers that people change: adopted, mended, compared, and told what is live."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import ledger
from lamppost.migrate.apply import apply
from lamppost.migrate.baseline import baseline
from lamppost.migrate.compare import compare
from lamppost.migrate.files import Bundle
from lamppost.migrate.live import live
from lamppost.migrate.plan import status
from lamppost.migrate.repair import Repair, look, repair

Files = Callable[..., Bundle]
CATS = "create table shop.cats (id int)"
DOGS = "create table shop.dogs (id int)"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def rows(empty: Any) -> tuple[ledger.Row, ...]:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        return ledger.read(connection)


def found(empty: Any, bundle: Bundle) -> list[tuple[str, str]]:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        return [(one.kind, one.subject) for one in look(connection, bundle).repairs]


def mend(empty: Any, bundle: Bundle) -> tuple[Repair, ...]:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        wanted = look(connection, bundle).repairs
    return repair(empty.admin, bundle, wanted, role=empty.role)


def test_files_that_a_database_already_has_are_recorded_with_the_reason_and_the_next_ones_run(
    empty: Any, files: Files
) -> None:
    bundle = files(cats=CATS, dogs=DOGS)
    ask(empty.admin, f'set role "{empty.role}"; {CATS}')
    name = bundle.of("shop")[0].name
    assert baseline(empty.admin, bundle, upto=name, why="made by hand", role=empty.role) == (name,)
    assert baseline(empty.admin, bundle, upto=name, why="made by hand", role=empty.role) == ()
    rest = tuple(migration.name for migration in bundle.migrations if migration.name != name)
    assert apply(empty.admin, bundle, role=empty.role).applied == rest
    assert ask(empty.admin, "select name, why from public.schema_migrations where why is not null") == [
        (name, "made by hand")
    ]


def test_a_database_that_knows_more_is_not_adopted_again(empty: Any, files: Files) -> None:
    bundle = files(cats=CATS, dogs=DOGS)
    apply(empty.admin, bundle, role=empty.role)
    with pytest.raises(OperatorError) as refused:
        baseline(empty.admin, bundle, upto=bundle.of("shop")[0].name, why="again", role=empty.role)
    assert refused.value.code == "baseline_rows"


def test_a_baseline_needs_a_name_that_is_and_a_reason(empty: Any, files: Files) -> None:
    bundle = files(cats=CATS)
    with pytest.raises(AuthorError, match="no migration"):
        baseline(empty.admin, bundle, upto="2025.sql", why="x", role=empty.role)
    with pytest.raises(AuthorError, match="reason"):
        baseline(empty.admin, bundle, upto=None, why=" ", role=empty.role)


def test_each_change_of_a_ledger_is_named_and_made_once(empty: Any, files: Files, tmp_path: Any) -> None:
    bundle = files(cats=CATS, dogs=DOGS, birds="create table shop.birds (id int)")
    apply(empty.admin, bundle, role=empty.role)
    cats, dogs, birds = (one.name for one in bundle.of("shop"))
    ask(empty.admin, f"update public.schema_migrations set sha256 = null where name = '{cats}'")
    (tmp_path / "shop" / "migrations" / dogs).unlink()
    bundle = files(birds="create table shop.birds (id int)  \r\n")
    assert found(empty, bundle) == [("hash", cats), ("rehash", birds), ("forget", dogs)]
    assert len(mend(empty, bundle)) == 3
    assert found(empty, bundle) == []
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        assert {entry.state for entry in status(connection, bundle).entries} == {"applied"}
        assert not any(entry.about for entry in status(connection, bundle).entries)
    assert ask(empty.admin, "select to_regclass('shop.dogs') is not null") == [(True,)]


def test_an_edited_file_is_nothing_to_mend(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats=CATS), role=empty.role)
    assert found(empty, files(cats="create table shop.cats (id bigint)")) == []


def test_an_invalid_index_is_dropped_and_a_usable_one_stays(empty: Any, files: Files) -> None:
    bundle = files(cats="create table shop.cats (id int); insert into shop.cats values (1), (1)")
    apply(empty.admin, bundle, role=empty.role)
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute("create index good on shop.cats (id)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently bad on shop.cats (id)")
    assert found(empty, bundle) == [("index", "shop.bad")]
    mend(empty, bundle)
    assert ask(empty.admin, "select to_regclass('shop.bad'), to_regclass('shop.good') is not null") == [
        (None, True)
    ]


def test_an_edited_file_is_shown_as_it_was_applied(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats=CATS), role=empty.role)
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, files(cats="create table shop.cats (id bigint)"), role=empty.role)
    assert f"\n    -{CATS}\n    +create table shop.cats (id bigint)" in refused.value.what


def test_a_ledger_of_an_earlier_version_is_widened_and_keeps_its_hashes(empty: Any, files: Files) -> None:
    bundle = files(cats=CATS)
    apply(empty.admin, bundle, role=empty.role)
    ask(empty.admin, "alter table public.schema_migrations drop running, drop text, drop why")
    with pytest.raises(AuthorError, match="edited after"):
        apply(empty.admin, files(cats="drop table shop.cats"), role=empty.role)
    apply(empty.admin, files(cats=CATS, dogs=DOGS), role=empty.role)
    assert all(row.sha256 for row in rows(empty))


def test_a_role_that_may_not_read_the_ledger_is_told_so(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats=CATS), role=empty.role)
    with pytest.raises(OperatorError) as refused:
        apply(empty.app, files(dogs=DOGS))
    assert refused.value.code == "ledger_rights"


def test_a_contract_file_goes_in_once_its_code_is_live(empty: Any, files: Files) -> None:
    soak = timedelta(0)
    apply(empty.admin, files(cats=CATS), role=empty.role, soak=soak)
    bundle = files(drop="-- lamppost: phase contract\ndrop table shop.cats")
    with pytest.raises(AuthorError) as refused:
        apply(empty.admin, bundle, role=empty.role, soak=soak)
    assert refused.value.code == "migration_contract_early"
    assert len(live(empty.admin, bundle, role=empty.role)) == 2
    assert live(empty.admin, bundle, role=empty.role) == ()
    with pytest.raises(AuthorError):
        apply(empty.admin, bundle, role=empty.role, soak=timedelta(hours=1))
    assert apply(empty.admin, bundle, role=empty.role, soak=soak).applied == (bundle.migrations[-1].name,)


def test_code_whose_tables_are_missing_cannot_be_live(empty: Any, files: Files) -> None:
    with pytest.raises(OperatorError) as refused:
        live(empty.admin, files(cats=CATS), role=empty.role)
    assert refused.value.code == "migration_live"


def test_two_places_differ_by_files_texts_and_heads(empty: Any, files: Files) -> None:
    bundle = files(cats=CATS, dogs=DOGS)
    apply(empty.admin, bundle, role=empty.role)
    here = rows(empty)
    cats, dogs = (one.name for one in bundle.of("shop"))
    there = [ledger.Row(r.name, r.applied_at, "other" if r.name == cats else r.sha256) for r in here[:-1]]
    difference = compare({"shop": here}, {"shop": there})
    assert difference.only_a == (f"shop/{dogs}",)
    assert [one.name for one in difference.hashes] == [cats]
    assert [(one.a, one.b) for one in difference.heads] == [(dogs, cats)]
    assert compare({"shop": here}, {"shop": here}).none
