"""Databases, schemas and roles, and what the roles may not do."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lamppost.errors import OperatorError
from lamppost.migrate.apply import apply
from lamppost.migrate.files import discover
from lamppost.migrate.provision import provision

PASSWORD = "pass/word @1"


def ask(conninfo: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def verifier(empty: Any) -> str:
    rows = ask(empty.admin, f"select rolpassword from pg_authid where rolname = '{empty.app_role}'")
    return str(rows[0][0])


def again(empty: Any, password: str = PASSWORD, schemas: tuple[str, ...] = ("shop",)) -> None:
    provision(empty.server.dsn("postgres"), empty.name, schemas, password)


def test_preparing_a_database_again_changes_nothing(empty: Any) -> None:
    everything = (
        "select nspname, nspowner, nspacl::text, xmin::text from pg_namespace"
        " where nspname in ('shop', 'lamppost', 'public') union all"
        f" select rolname, oid, rolpassword, xmin::text from pg_authid where rolname like '{empty.name}%'"
        " union all select datname, datdba, datacl::text, xmin::text from pg_database"
        f" where datname = '{empty.name}' order by 1"
    )
    before = ask(empty.admin, everything)
    again(empty)
    assert ask(empty.admin, everything) == before


def test_a_service_that_joins_later_gets_its_schema(empty: Any) -> None:
    again(empty, schemas=("shop", "stock"))
    owners = ask(empty.admin, "select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'stock'")
    assert owners == [(empty.role,)]


def test_a_new_password_opens_and_the_old_one_no_longer_does(empty: Any) -> None:
    before = verifier(empty)
    assert before.startswith("SCRAM-SHA-256$")
    again(empty, "another")
    assert verifier(empty) != before
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(empty.app)
    again(empty)
    assert ask(empty.app, "select 1") == [(1,)]


def test_many_may_prepare_the_same_database_at_once(postgres_cluster: Any) -> None:
    name = f"rush_{secrets.token_hex(4)}"
    with ThreadPoolExecutor(6) as pool:
        runs = [
            pool.submit(provision, postgres_cluster.dsn("postgres"), name, ["shop"], "pw") for _ in range(6)
        ]
        assert [run.result() for run in runs] == [None] * 6
    assert ask(postgres_cluster.dsn(name, user=f"{name}_app", password="pw"), "select 1") == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "create table shop.mine (id int)",
        "create table public.mine (id int)",
        "create schema mine",
        "alter table shop.cats add column x int",
        "truncate shop.cats",
        "drop table shop.cats",
        "insert into lamppost.clock values (true, '1 hour')",
        "update lamppost.clock set shift = '1 hour'",
        "delete from lamppost.clock",
        "insert into public.schema_migrations (name) values ('x')",
        "set role shop_migrator",
        "alter function lamppost.now() volatile",
        "create or replace function lamppost.now() returns timestamptz language sql as 'select now()'",
    ],
)
def test_a_functions_role_cannot_change_tables_the_ledger_or_the_clock(
    empty: Any, files: Any, statement: str
) -> None:
    apply(empty.admin, files(cats="create table shop.cats (id int)"), role=empty.role)
    statement = statement.replace("shop_migrator", f'"{empty.role}"')
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(empty.app, statement)


def test_one_systems_role_cannot_enter_another_systems_database(empty: Any, postgres_cluster: Any) -> None:
    other = f"other_{secrets.token_hex(4)}"
    provision(postgres_cluster.dsn("postgres"), other, ["shop"], PASSWORD)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(make_conninfo(empty.app, dbname=other))


def test_a_functions_statement_ends_before_its_function_would(empty: Any) -> None:
    shown = "select current_setting('statement_timeout'), current_setting('lock_timeout')"
    assert ask(empty.app, shown) == [("30s", "10s")]


def test_what_an_operator_set_otherwise_stays(empty: Any) -> None:
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        role = sql.Identifier(empty.app_role)
        connection.execute(sql.SQL("alter role {} set statement_timeout = '5s'").format(role))
    again(empty)
    assert ask(empty.app, "show statement_timeout") == [("5s",)]


def test_an_administrator_who_is_no_superuser_can_prepare_and_migrate(
    postgres_cluster: Any, files: Any
) -> None:
    tag = secrets.token_hex(4)
    with psycopg.connect(postgres_cluster.dsn("postgres"), autocommit=True) as connection:
        admin = sql.Identifier(f"admin_{tag}")
        connection.execute(sql.SQL("create role {} login createdb createrole password 'pw'").format(admin))
    conninfo = postgres_cluster.dsn("postgres", user=f"admin_{tag}", password="pw")
    for _ in range(2):
        provision(conninfo, f"rds_{tag}", ["shop"], "pw")
    inside = make_conninfo(conninfo, dbname=f"rds_{tag}")
    apply(inside, files(cats="create table shop.cats (id int)"), role=f"rds_{tag}_migrator")
    app = postgres_cluster.dsn(f"rds_{tag}", user=f"rds_{tag}_app", password="pw")
    assert ask(app, "select count(*) from shop.cats") == [(0,)]


def test_an_administrator_without_the_rights_is_told_which_are_missing(postgres_cluster: Any) -> None:
    tag = secrets.token_hex(4)
    with psycopg.connect(postgres_cluster.dsn("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create role {} login password 'pw'").format(sql.Identifier(f"weak_{tag}"))
        )
    conninfo = postgres_cluster.dsn("postgres", user=f"weak_{tag}", password="pw")
    with pytest.raises(OperatorError, match="may not prepare databases") as refused:
        provision(conninfo, f"never_{tag}", ["shop"], "pw")
    assert "createdb createrole" in refused.value.fix


def test_the_planner_uses_an_index_for_what_is_due(empty: Any, files: Any) -> None:
    bundle = files(
        due="create table shop.due (at timestamptz not null);"
        " insert into shop.due select now() + i * interval '1 minute' from generate_series(1, 20000) as i;"
        " create index due_at on shop.due (at)"
    )
    apply(empty.admin, bundle, role=empty.role)
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute("analyze shop.due")
    plan = "\n".join(
        row[0] for row in ask(empty.app, "explain select count(*) from shop.due where at <= lamppost.now()")
    )
    assert "due_at" in plan
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


def test_the_clock_moves_for_everyone_when_its_owner_sets_it(empty: Any) -> None:
    apply(empty.admin, discover([]), role=empty.role)
    assert ask(empty.app, "select lamppost.now() = now()") == [(True,)]
    with psycopg.connect(empty.admin, autocommit=True) as connection:
        connection.execute("insert into lamppost.clock (shift) values ('400 days')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into lamppost.clock (shift) values ('1 day')")
    assert ask(empty.app, "select lamppost.now() - now() = '400 days'") == [(True,)]
