"""What a file would weigh, judged from its SQL and the facts of a database."""

import pytest

from lamppost.migrate.files import Migration
from lamppost.migrate.lint.facts import Facts
from lamppost.migrate.lint.model import Name
from lamppost.migrate.risk import FileRisk, judge, judge_all, too_heavy

ITEMS = Name("shop", "items")
CATS = Name("shop", "cats")


def facts() -> Facts:
    """Two tables: a million items, and cats nobody has counted."""
    known = Facts()
    known.tables = {ITEMS, CATS, Name("shop", "empty")}
    known.rows = {ITEMS: 1_000_000, Name("shop", "empty"): 0}
    known.bytes = {ITEMS: 80_000_000}
    known.types = {(ITEMS, "name"): "character varying(50)", (ITEMS, "id"): "bigint"}
    known.index_tables = {Name("shop", "items_name"): ITEMS}
    return known


def file(text: str, name: str = "one.sql") -> Migration:
    return Migration(name, "shop", text, "", "", in_transaction="no-transaction" not in text)


def judged(text: str) -> FileRisk:
    return judge(file(text), facts(), pg="17")


@pytest.mark.parametrize(
    ("text", "mode", "risk", "waits"),
    [
        ("alter table shop.items add column tag text", "ACCESS EXCLUSIVE", "short lock", "everybody"),
        (
            "alter table shop.items add column code uuid default gen_random_uuid()",
            "ACCESS EXCLUSIVE",
            "rewrite",
            "everybody",
        ),
        ("alter table shop.items alter name type text", "ACCESS EXCLUSIVE", "short lock", "everybody"),
        ("alter table shop.items alter id type text", "ACCESS EXCLUSIVE", "rewrite", "everybody"),
        ("create index on shop.items (name)", "SHARE", "scan", "writers"),
        (
            "-- lamppost: no-transaction\ncreate index concurrently i on shop.items (name)",
            "SHARE UPDATE EXCLUSIVE",
            "scan",
            "nobody",
        ),
        (
            "alter table shop.items add foreign key (id) references shop.cats not valid",
            "SHARE ROW EXCLUSIVE",
            "short lock",
            "writers",
        ),
        ("update shop.items set name = 'x'", "ROW EXCLUSIVE", "scan", "nobody"),
        ("update shop.items set name = 'x' where id = 7", "ROW EXCLUSIVE", "none", "nobody"),
        ("drop index shop.items_name", "ACCESS EXCLUSIVE", "short lock", "everybody"),
        ("comment on table shop.items is 'things'", "SHARE UPDATE EXCLUSIVE", "none", "nobody"),
    ],
)
def test_a_statement_has_a_lock_a_risk_and_those_who_wait(
    text: str, mode: str, risk: str, waits: str
) -> None:
    (statement,) = judged(text).statements
    locks = dict(statement.locks)
    assert (locks["shop.items"], statement.risk, statement.waits) == (mode, risk, waits)


def test_rows_and_bytes_are_those_of_the_table_that_is_read() -> None:
    (statement,) = judged("create index on shop.items (name)").statements
    assert (statement.rows, statement.bytes, statement.scans) == (1_000_000, 80_000_000, ("shop.items",))


def test_a_lock_is_held_while_the_rest_of_the_file_runs() -> None:
    text = "alter table shop.items add column tag text;\nselect count(*) from shop.cats"
    first, second = judged(text).statements
    assert (second.line, second.waits, dict(second.locks)) == (2, "everybody", {"shop.cats": "ACCESS SHARE"})
    assert first.waits == "everybody"


def test_a_table_of_the_same_file_is_of_no_concern() -> None:
    text = "create table shop.dogs (id int); create index on shop.dogs (id); update shop.dogs set id = 1"
    found = judged(text)
    assert (found.heaviest, [one.locks for one in found.statements]) == ("none", [(), (), ()])


def test_a_table_of_an_earlier_file_of_the_deploy_is_of_no_concern_either() -> None:
    earlier = file("create table shop.dogs (id int)", "a.sql")
    later = file("create index on shop.dogs (id); alter table shop.dogs add column n serial", "b.sql")
    assert judge_all([earlier, later], facts(), pg="17")[1].heaviest == "none"
    assert judge(later, facts(), pg="17").heaviest == "rewrite"


def test_judging_leaves_the_facts_as_they_were() -> None:
    known = facts()
    judge_all([file("create table shop.dogs (id int)")], known, pg="17")
    assert Name("shop", "dogs") not in known.tables


def test_sql_put_together_while_it_runs_is_unknown() -> None:
    found = judged("do $$ declare t text := 'items'; begin execute format('truncate shop.%I', t); end $$")
    assert (found.heaviest, found.statements[0].about != "") == ("unknown", True)


def test_a_function_of_the_file_happens_where_it_is_called() -> None:
    made = "create function shop.f() returns void language sql as $$ update shop.items set name = '' $$;"
    found = judged(made + "\nselect shop.f()")
    assert [one.risk for one in found.statements] == ["none", "scan"]


def test_above_the_limit_the_statement_the_table_and_its_rows_are_named() -> None:
    text = "alter table shop.items add column tag text;\ncreate index on shop.items (name)"
    said = too_heavy(judged(text), 999_999) or ""
    assert all(word in said for word in ("one.sql:2", "create index", "shop.items", "1,000,000"))
    assert too_heavy(judged(text), 1_000_000) is None


def test_a_table_nobody_counted_is_too_large_and_an_empty_one_is_not() -> None:
    assert "nobody knows" in (too_heavy(judged("create index on shop.cats (id)"), 10**9) or "")
    assert too_heavy(judged("create index on shop.empty (id)"), 0) is None
    assert judged("create index on shop.empty (id)").heaviest == "short lock"


def test_what_cannot_be_judged_is_too_heavy() -> None:
    assert too_heavy(judged("select shop.mystery()"), 10**9) is not None


def test_an_unreadable_statement_hides_nothing_of_the_others() -> None:
    found = judged("selec 1;\ncreate index on shop.items (name);\nselect 1;")
    assert [one.risk for one in found.statements] == ["unknown", "scan", "none"]
