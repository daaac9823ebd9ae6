"""What a span tells of a statement: what it does and where, and nothing of anybody's."""

import pytest

from lamppost.db.statements import told

MARK = "s3cret-m4rk"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("select 1", "select"),
        ("select lamppost.now()", "select lamppost.now()"),
        ("select ours from lamppost.idempotency_claim(%s)", "select lamppost.idempotency_claim()"),
        ("select id from birthday.people where id = %s for update skip locked", "select birthday.people"),
        ("insert into a.b (c) values (%s) on conflict (c) do update set c = 1", "insert a.b"),
        ("update only a.b set c = %s", "update a.b"),
        ("delete from a.b using c", "delete a.b"),
        ("with due as (select 1 from a.b for no key update) update c.d set e = 1 from due", "update c.d"),
        ("with due as materialized (select 1 from a.b) select * from due", "select a.b"),
        ("truncate a.b", "truncate"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_statement_is_named_by_what_it_does(statement, name):
    assert told(statement)[0] == name


def test_a_fingerprint_is_the_statement_without_spacing_comments_and_literals():
    one = told("select a from b where c = 'x' and d = 12 -- why\n and e = %s")[1]
    assert one == told("select a\n  from b /* because */ where c = 'it''s y' and d = 9.5e3   and e = %s")[1]
    assert one == told("select a from b where c = $tag$z$tag$ and d = 1 and e = %s")[1]
    assert one != told("select a from b where c = 'x' and d = 12 and f = %s")[1]


@pytest.mark.parametrize(
    "hidden",
    ["'{}'", "E'{}\\''", "$${}$$", "$q$ from {} $q$", "'from {}'", "/* from {} */ 1", "1 -- from {}"],
)
def test_no_literal_is_told(hidden):
    assert MARK not in str(told(f"select {hidden.format(MARK)}"))
