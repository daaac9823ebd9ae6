"""What the linter sees at a glance is what it would see in the trees."""

import json
from pathlib import Path

import pytest

from lamppost.migrate.lint.glances import GLANCES
from lamppost.migrate.lint.model import CreateTable, Kind
from lamppost.migrate.lint.own import names_only
from lamppost.migrate.lint.parse import Parsed, Unreadable, parse
from lamppost.migrate.lint.pg import parse_sql_json
from lamppost.migrate.lint.source import Refusal, Source
from lamppost.migrate.lint.translate import Translator
from lamppost.migrate.lint.uses import uses

CASES = json.loads((Path(__file__).parents[1] / "data" / "lint_cases.json").read_text("utf-8"))
# What the rules let pass without a word, wherever it is named.
OURS = {"shop", "pg_catalog"}


def statements(sql: str) -> list[Parsed]:
    try:
        found = list(parse(Source(sql.encode())))
    except Refusal:
        return []
    return [one for one in found if not isinstance(one, Unreadable)]


def said(kinds: list[Kind]) -> list[object]:
    return [
        (one.table, one.columns, one.constraints, one.partition_of, one.temporary, one.if_not_exists,
         one.partitioned, one.default, one.inherits)
        if isinstance(one, CreateTable) else one
        for one in kinds
    ]  # fmt: skip


def test_a_glance_says_what_the_tree_says(monkeypatch: pytest.MonkeyPatch) -> None:
    glances = dict(GLANCES)
    monkeypatch.setattr("lamppost.migrate.lint.translate.GLANCES", {})
    seen = 0
    for case in CASES:
        for one in statements(f"{case.get('prior', '')};{case.get('sql', '')}"):
            glance = glances[one.kind](one.tree) if one.kind in glances else None
            if glance is not None:
                seen += 1
                whole = list(Translator(Source(b"")).kinds(one.kind, one.tree))
                assert said(list(glance)) == said(whole), case["sql"]
    assert seen > 80


def test_a_look_lets_pass_only_what_names_nobody_elses() -> None:
    passed = 0
    for case in CASES:
        for one in statements(f"{case.get('prior', '')};{case.get('sql', '')}"):
            if names_only("shop", one.tree.json, hidden=True):
                passed += 1
                assert {name.schema for name, _ in uses(one.node)} <= OURS, case["sql"]
    assert passed > 300


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from users.accounts",
        "select 1 from accounts",
        "select users.secret(1)",
        "create table shop.a (b users.kind)",
        "create table shop.a (id bigint references users.accounts)",
        "create type users.kind as enum ('a')",
        "create function users.f() returns int language sql as 'select 1'",
        "create trigger t before update on shop.a for each row execute function users.f()",
        "comment on table users.accounts is 'x'",
        "comment on column users.accounts.id is 'shop'",
        "comment on schema users is 'x'",
        "comment on table shop.users.accounts is 'x'",
        "drop table users.accounts",
        "drop table accounts",
        "drop type users.kind",
        "drop function users.f()",
        "drop trigger t on users.accounts",
        "grant select on users.accounts to shop_app",
        "grant usage on schema users to shop_app",
        "grant select on all tables in schema users to shop_app",
        "alter default privileges in schema users grant select on tables to shop_app",
        "alter schema users rename to shop",
        "alter view users.v rename to w",
        "alter type users.kind rename to other",
        "select nextval('users.ids')",
        "select pg_catalog.setval('users.ids', 1)",
        "select 'users.accounts'::regclass",
        "select null::users.kind",
        "select null::shop.users.kind",
        'select 1 from "us""ers".accounts',
        'select "us""ers".f(1)',
        'select "us\\ers".f(1)',
        'select 1 from shop.a where note = \'"schemaname":"shop","relname":\' and exists '
        "(select 1 from users.accounts)",
        "with x as (select 1) select * from x",
    ],
)
def test_a_look_does_not_let_pass(sql: str) -> None:
    assert not names_only("shop", parse_sql_json(sql).encode(), hidden=True)


def test_letters_written_as_numbers_hide_nothing() -> None:
    sql = "select 'users.accounts'::U&\"\\0072egclass\""
    (one,) = statements(sql)
    assert not one.tree.text.keeps_to("shop")


@pytest.mark.parametrize("service", ["public", "lamppost", 'sh"op', "Shop"])
def test_services_with_unusual_names_are_looked_at_closely(service: str) -> None:
    assert not names_only(service, parse_sql_json("select 1").encode(), hidden=True)
