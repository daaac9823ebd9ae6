"""What broken statements leave behind, and statements whose end nobody saw."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from lamppost.errors import AuthorError, OperatorError
from lamppost.migrate import indexes
from lamppost.migrate.apply import apply
from lamppost.migrate.files import Bundle
from lamppost.migrate.repair import settle

Files = Callable[..., Bundle]
STEPS = "-- lamppost: no-transaction\n"
MAKE = "create table shop.cats (id int); create index cats_id on shop.cats (id)"


def ask(conninfo: str, *queries: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for query in queries:
            cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def broken_off(empty: Any, statement: str) -> None:
    """Let this statement give up while it waits for somebody, as one whose session ends."""
    with psycopg.connect(empty.admin) as reader:
        reader.execute("insert into shop.cats values (1)")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ask(empty.admin, "set lock_timeout = 100", statement)


def invalid(empty: Any) -> list[str]:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        return [name for _, name, _ in indexes.invalid(connection)]


@pytest.mark.parametrize("what", ["index concurrently shop.cats_id", "table concurrently shop.cats"])
def test_the_second_index_of_a_broken_reindex_is_dropped(empty: Any, files: Files, what: str) -> None:
    apply(empty.admin, files(cats=MAKE), role=empty.role)
    broken_off(empty, f"reindex {what}")
    assert invalid(empty) == ["cats_id_ccnew"]
    apply(empty.admin, files(again=f"{STEPS}reindex {what}"), role=empty.role)
    assert invalid(empty) == []
    assert ask(empty.admin, "select count(*) from pg_indexes where schemaname = 'shop'") == [(1,)]


def test_an_invalid_index_hides_neither_behind_if_not_exists_nor_behind_the_search_path(
    empty: Any, files: Files
) -> None:
    apply(empty.admin, files(cats=MAKE), role=empty.role)
    broken_off(empty, "create index concurrently other on shop.cats (id)")
    assert invalid(empty) == ["other"]
    text = f"{STEPS}set search_path = shop;\ncreate index concurrently if not exists other on cats (id)"
    apply(empty.admin, files(index=text), role=empty.role)
    assert invalid(empty) == []
    assert ask(empty.admin, "select to_regclass('shop.other') is not null") == [(True,)]


def test_an_index_without_a_name_is_refused_before_it_is_built(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats=MAKE), role=empty.role)
    with pytest.raises(AuthorError) as refused:
        apply(
            empty.admin, files(index=f"{STEPS}create index concurrently on shop.cats (id)"), role=empty.role
        )
    assert refused.value.code == "migration_unnamed_index"


@pytest.mark.parametrize(("ran", "rows"), [(True, 1), (False, 3)])
def test_a_procedure_whose_end_nobody_saw_is_asked_about_and_never_repeated_blindly(
    empty: Any, files: Files, ran: bool, rows: int
) -> None:
    fill = (
        "create table shop.cats (id int); create procedure shop.fill() language plpgsql as"
        " $$ begin insert into shop.cats values (1); commit; insert into shop.cats values (1 / (select"
        " count(*) - 1 from shop.cats)); end $$"
    )
    bundle = files(fill=fill, call=f"{STEPS}call shop.fill()")
    with pytest.raises(AuthorError, match="division"):
        apply(empty.admin, bundle, role=empty.role)
    with pytest.raises(OperatorError) as asked:
        apply(empty.admin, bundle, role=empty.role)
    assert asked.value.code == "migration_uncertain"
    assert "call shop.fill()" in asked.value.what
    settle(empty.admin, bundle, bundle.migrations[-1].name, ran=ran, role=empty.role)
    assert len(apply(empty.admin, bundle, role=empty.role).applied) == 1
    assert ask(empty.admin, "select count(*) from shop.cats") == [(rows,)]


def test_what_a_statement_set_still_holds_when_the_next_run_goes_on(empty: Any, files: Files) -> None:
    apply(empty.admin, files(cats=MAKE), role=empty.role)
    head = f"{STEPS}set search_path = shop;\ninsert into cats values (1);\n"
    with pytest.raises(AuthorError):
        apply(empty.admin, files(steps=f"{head}insert into dogs values (1)"), role=empty.role)
    apply(empty.admin, files(steps=f"{head}insert into cats values (2)"), role=empty.role)
    assert ask(empty.admin, "select array_agg(id order by id) from shop.cats") == [([1, 2],)]
