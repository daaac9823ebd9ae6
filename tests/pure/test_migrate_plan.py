"""What the ledger and the files together mean."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from lamppost.errors import AuthorError
from lamppost.migrate.files import Bundle, Migration, hash_of
from lamppost.migrate.ledger import Row
from lamppost.migrate.plan import decide

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def named(day: int, service: str = "shop", text: str = "select 1", *, whole: bool = True) -> Migration:
    return Migration(
        f"2025-01-{day:02d}T0000__{service}__x.sql", service, text, f"bytes of {text}", text, whole
    )


def bundle(*migrations: Migration) -> Bundle:
    return Bundle(migrations, ("lamppost", "shop", "users"))


def applied(migrations: Iterable[Migration]) -> list[Row]:
    return [Row(m.name, NOON, m.sha256, m.text_sha256, m.service, "kim") for m in migrations]


def codes(*migrations: Migration, rows: list[Row], allow_late: bool = False) -> list[str]:
    return [refusal.code for refusal in decide(bundle(*migrations), rows, allow_late=allow_late).refusals]


def test_what_the_ledger_lacks_is_pending_in_the_files_order() -> None:
    one, two, three = named(1), named(2), named(3)
    assert decide(bundle(one, two, three), applied([one])).pending == (two, three)


def test_an_edited_file_is_refused_with_both_hashes_and_who_applied_it() -> None:
    plan = decide(bundle(named(1, text="drop table cats")), applied([named(1)]))
    with pytest.raises(AuthorError) as refused:
        plan.check()
    assert refused.value.code == "migration_edited"
    assert all(
        part in refused.value.what for part in ("bytes of select 1", "bytes of drop table cats", "kim")
    )


def test_a_file_with_other_line_ends_is_worth_a_word_and_no_more() -> None:
    row = Row(named(1).name, NOON, "other bytes", "select 1", "shop")
    plan = decide(bundle(named(1)), [row])
    assert not plan.refusals
    assert "line ends" in plan.notices[0]


def test_a_rollback_deploy_leaves_newer_tables_alone_and_says_so() -> None:
    plan = decide(bundle(named(1)), applied([named(1), named(2)]))
    assert not plan.refusals
    assert not plan.pending
    assert "newer release" in plan.notices[0]


def test_a_deleted_file_is_refused_as_history_cannot_be_replayed_without_it() -> None:
    assert codes(named(2), rows=applied([named(1), named(2)])) == ["migration_missing"]


def test_a_file_older_than_its_services_newest_is_refused_unless_allowed() -> None:
    rows = applied([named(2)])
    assert codes(named(1), named(2), rows=rows) == ["migration_late"]
    assert codes(named(1), named(2), rows=rows, allow_late=True) == []


def test_services_do_not_wait_for_each_other() -> None:
    old = named(1, "users")
    plan = decide(bundle(old, named(2)), applied([named(2)]))
    assert plan.pending == (old,)


def test_rows_of_services_elsewhere_are_none_of_our_business() -> None:
    assert codes(named(1), rows=[*applied([named(1)]), Row("001_init.sql", NOON)]) == []


def test_a_row_of_another_tool_has_no_hash_and_is_taken_at_its_word() -> None:
    assert codes(named(1), rows=[Row(named(1).name, NOON)]) == []


def test_an_unfinished_file_may_change_what_has_not_run_yet() -> None:
    half = Row(named(1).name, NOON, hash_of(["select 1"]), None, "shop", statements=1)
    fixed = named(1, text="select 1; select 3", whole=False)
    assert decide(bundle(fixed), [half]).pending == (fixed,)
    assert codes(named(1, text="select 9; select 3", whole=False), rows=[half]) == ["migration_edited"]


def test_several_refusals_are_told_at_once() -> None:
    plan = decide(bundle(named(1, text="x"), named(2, text="y"), named(3)), applied([named(1), named(2)]))
    with pytest.raises(AuthorError) as refused:
        plan.check()
    assert refused.value.what.count("edited") == 2
