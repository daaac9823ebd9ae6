"""Cutting a file where PostgreSQL would: at semicolons that are no part of anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.errors import AuthorError
from lamppost.migrate.statements import split


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a;b'",
        "select 'it''s;'",
        r"select E'it\';s'",
        r"select 'back\'",
        'select ";" from ";"";"',
        "select 1 -- one; two\n",
        "select /* a; /* nested; */ still; */ 1",
        "do $$ begin perform 1; end $$",
        "do $body$ begin perform '$$;'; end $body$",
        "select a$b$c from d",
        "create rule r as on insert to t do also (delete from a; delete from b)",
        "select $1$;$1$",
    ],
)
def test_a_semicolon_inside_something_cuts_nothing(statement: str) -> None:
    whole = statement.strip()
    if "$1$" in statement:
        # A number is no tag: this is a parameter, a semicolon and another parameter.
        assert split(statement) == ("select $1$", "$1$")
    else:
        assert split(f"{statement};select 2") == (whole, "select 2")


def test_comments_and_empty_statements_are_not_statements() -> None:
    assert split(";; -- nothing;\n/* here; */;") == ()
    assert split("-- why\nselect 1;\n-- the end") == ("-- why\nselect 1",)


def test_an_unfinished_string_stays_one_statement_for_the_server_to_refuse() -> None:
    assert split("select 1; select 'oh; no") == ("select 1", "select 'oh; no")
    assert split("do $$ begin; ") == ("do $$ begin;",)


def test_a_body_without_quotes_is_refused_rather_than_cut_in_two() -> None:
    with pytest.raises(AuthorError) as refused:
        split("create function f() returns int begin atomic select 1; select 2; end")
    assert refused.value.code == "migration_split"


@given(st.lists(st.sampled_from(["select 1", "select ';'", "do $$;$$", 'select ";"', "vacuum"]), max_size=6))
def test_what_is_joined_by_semicolons_comes_apart_again(statements: list[str]) -> None:
    assert split(";\n".join(statements)) == tuple(statements)


@given(st.text(alphabet="a;'\"$-/*()\\\n eE", max_size=30))
def test_whatever_the_text_each_statement_stands_in_it_as_it_is(text: str) -> None:
    assert all(statement and statement in text for statement in split(text))
