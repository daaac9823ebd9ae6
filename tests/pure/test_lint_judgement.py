"""What the linter knows beyond the single statement: transactions, what was made before, owners, versions."""

from pathlib import Path

import pytest

from lamppost.migrate.files import read
from lamppost.migrate.lint.file import lint_file
from lamppost.migrate.lint.options import Options


def blocked(
    tmp_path: Path, sql: str, *, service: str | None = "shop", pg: str = "15", earlier: str = ""
) -> set[str]:
    """The rules that block this file."""
    path = tmp_path / "2026-01-02T0900__shop__file.sql"
    path.write_text(sql)
    if earlier:
        (tmp_path / "2026-01-01T0900__shop__before.sql").write_text(earlier)
    found = lint_file(path, Options(service=service, pg=pg))
    return {finding.rule for finding in found if finding.severity == "block"}


@pytest.mark.parametrize(
    "condition",
    [
        "true", "1 = 1", "not false", "id = id", "'a' = 'a'", "exists (select 1)",
        "note is null or note is not null",
        "id in (select id from shop.things)", "coalesce(true, false)",
        "id = 5 or true", "now() > '2020-01-01'",
        "exists (select 1 from shop.things t where t.id = things.id)",
        "name like '%'", "case when true then true end",
    ],
)  # fmt: skip
def test_a_condition_that_lets_every_row_through_is_none(tmp_path: Path, condition: str) -> None:
    assert blocked(tmp_path, f"delete from shop.things where {condition};") == {"change-reaches-all-rows"}


@pytest.mark.parametrize(
    "condition",
    ["id = 5", "1 = 1 and id = 5", "false", "id in (1, 2)", "id between 1 and 9",
     "id in (select id from shop.things where note is null limit 100)"],
)  # fmt: skip
def test_a_condition_that_chooses_rows_may_go(tmp_path: Path, condition: str) -> None:
    assert blocked(tmp_path, f"delete from shop.things where {condition};") == set()


@pytest.mark.parametrize(
    "sql",
    [
        "with gone as (delete from shop.things returning *) insert into shop.old select * from gone;",
        "merge into shop.things a using shop.things b on a.id = b.id when matched then delete;",
        "explain analyze delete from shop.things;",
        "prepare wipe as delete from shop.things; execute wipe;",
        "do $$ begin delete from shop.things; end $$;",
        "do $$ begin execute 'delete from ' || 'shop.things'; end $$;",
        "create function shop.wipe() returns void language sql as 'delete from shop.things';"
        " select shop.wipe();",
    ],
)
def test_a_change_is_found_wherever_it_hides(tmp_path: Path, sql: str) -> None:
    assert "change-reaches-all-rows" in blocked(tmp_path, sql)


def test_a_function_that_is_only_made_changes_nothing_yet(tmp_path: Path) -> None:
    sql = "create function shop.wipe() returns void language sql as 'delete from shop.things';"
    assert blocked(tmp_path, sql) == set()


def test_the_line_of_a_statement_inside_a_block_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-02T0900__shop__file.sql"
    path.write_text("-- größe 😀\n\ndo $$\nbegin\n    perform 1;\n    delete from shop.things;\nend $$;\n")
    assert [finding.line for finding in lint_file(path, Options(service="shop"))] == [6]


def test_what_the_file_makes_is_in_nobodys_way(tmp_path: Path) -> None:
    sql = """create table shop.fresh (id int);
create index fresh_id on shop.fresh (id);
alter table shop.fresh rename to newer;
alter table shop.newer add column x int not null, alter column id type bigint;
truncate shop.newer;
drop table shop.newer;"""
    assert blocked(tmp_path, sql) == set()


def test_a_table_of_the_same_name_elsewhere_is_another_table(tmp_path: Path) -> None:
    sql = "create temp table things (id int); create index on shop.things (id);"
    assert blocked(tmp_path, sql) == {"index-blocks-writes"}


def test_set_not_null_is_free_once_an_earlier_file_proved_it(tmp_path: Path) -> None:
    proof = """alter table shop.things add constraint there check (note is not null) not valid;
alter table shop.things validate constraint there;"""
    sql = "alter table shop.things alter column note set not null;"
    assert blocked(tmp_path, sql) == {"set-not-null-scans"}
    assert blocked(tmp_path, sql, earlier=proof) == set()
    unrelated = proof.replace("note is not null", "price > 0")
    assert blocked(tmp_path, sql, earlier=unrelated) == {"set-not-null-scans"}


def test_a_wider_type_is_free_when_the_old_one_is_known(tmp_path: Path) -> None:
    sql = "alter table shop.things alter column name type text;"
    assert blocked(tmp_path, sql) == {"change-type-rewrites"}
    assert blocked(tmp_path, sql, earlier="create table shop.things (name varchar(50));") == set()


def test_a_new_label_may_be_used_when_each_statement_commits(tmp_path: Path) -> None:
    sql = "alter type shop.mood add value 'merry';\nupdate shop.things set mood = 'merry' where id = 1;"
    assert blocked(tmp_path, sql) == {"enum-label-used"}
    assert blocked(tmp_path, "-- lamppost: no-transaction\n" + sql) == set()


def test_newer_words_need_a_newer_server(tmp_path: Path) -> None:
    sql = "alter table shop.things add column total numeric generated always as (price * 2) virtual;"
    assert blocked(tmp_path, sql, pg="18") == set()
    assert blocked(tmp_path, sql, pg="17") == {"newer-server"}


@pytest.mark.parametrize(
    "sql",
    [
        "alter table users.accounts add column x int;",
        'alter table "users"."accounts" add column x int;',
        "comment on column users.accounts.email is 'x';",
        "alter table shop.things add constraint f foreign key (a) references users.accounts (id) not valid;",
        "create view shop.v as select * from users.accounts;",
        "do $$ begin delete from users.accounts where id = 1; end $$;",
        "create function shop.f() returns int language plpgsql"
        " as $$ begin delete from users.accounts; return 1; end $$;",
        "set local search_path = users; alter table accounts add column x int;",
        "grant select on all tables in schema users to shop_app;",
        "select nextval('users.numbers');",
        "create schema billing;",
        "alter table shop.things set schema users;",
    ],
)
def test_another_services_tables_are_its_own_affair(tmp_path: Path, sql: str) -> None:
    assert "other-services-tables" in blocked(tmp_path, sql)


def test_a_declared_read_is_a_read_and_nothing_more(tmp_path: Path) -> None:
    header = "-- lamppost: reads users.accounts\n"
    read = "insert into shop.things (name) select name from users.accounts where id = 1;"
    assert blocked(tmp_path, read) == {"other-services-tables"}
    assert blocked(tmp_path, header + read) == set()
    assert blocked(tmp_path, header + "update users.accounts set name = 'x' where id = 1;") != set()


def test_an_alias_or_a_cte_named_like_a_service_is_none(tmp_path: Path) -> None:
    assert blocked(tmp_path, "select users.id from shop.things as users where users.id = 1;") == set()
    assert blocked(tmp_path, "with users as (select 1 as id) select users.id from users;") == set()


def test_the_contract_phase_may_remove_but_not_sweep(tmp_path: Path) -> None:
    header = "-- lamppost: phase contract\n"
    assert blocked(tmp_path, "drop table shop.old;") == {"drop-object"}
    assert blocked(tmp_path, header + "drop table shop.old;") == set()
    assert blocked(tmp_path, header + "drop table shop.old cascade;") == {"drop-object"}


def test_the_runner_takes_every_directive_that_lint_knows(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-02T0900__shop__file.sql"
    path.write_text(
        "-- lamppost: no-transaction\n-- lamppost: phase contract\n-- lamppost: reads users.accounts\n"
        "-- lamppost: allow truncate, empty until launch\nselect 1;\n"
    )
    assert not read(path, "shop").in_transaction


@pytest.mark.parametrize(
    "sql", ["create role x;", "alter role x superuser;", "drop role x;", "create database x;"]
)
def test_roles_and_databases_belong_to_no_service(tmp_path: Path, sql: str) -> None:
    assert "server-wide" in blocked(tmp_path, sql)


def test_a_cascade_is_never_only_advice(tmp_path: Path) -> None:
    assert blocked(tmp_path, "alter table shop.things drop constraint things_pk;") == set()
    assert blocked(tmp_path, "alter table shop.things drop constraint things_pk cascade;") == {
        "constraint-dropped"
    }


STATEMENTS = (Path(__file__).parents[1] / "data" / "lint_statements.sql").read_text("utf-8").splitlines()[1:]


@pytest.mark.parametrize("server", ["11", "18"])
def test_every_kind_of_statement_is_judged(tmp_path: Path, server: str) -> None:
    """On a line of its own and in a block of its own; a rule that stumbles would raise."""
    path = tmp_path / "2026-01-02T0900__shop__file.sql"
    for statement in STATEMENTS:
        block = f"do $outer$ begin execute {statement[:-1]!r}; end $outer$;" if "'" not in statement else ""
        path.write_text(f"{statement}\n{block}\n")
        lint_file(path, Options(service="shop", pg=server))
