"""How large a job's batches are, what its one statement must look like, and which limits may be set."""

from typing import Any

import pytest

from lamppost.errors import AuthorError
from lamppost.migrate import header
from lamppost.migrate.files import Migration
from lamppost.migrate.jobs import pace, signals, statement

WALK = header.Walk("shop", "orders", "id")


def job(text: str) -> Migration:
    return Migration("job.sql", "shop", text, "", "", job=header.Job(WALK))


def test_a_batch_that_took_too_long_is_followed_by_a_smaller_one() -> None:
    assert pace.following(1000, took=1.0, target=0.5) == 500


def test_a_quick_batch_is_followed_by_at_most_twice_as_many_rows() -> None:
    assert pace.following(1000, took=0.0, target=0.5) == 2000


def test_one_slow_moment_leaves_a_quarter() -> None:
    assert pace.following(1000, took=3600.0, target=0.5) == 250


def test_batches_settle_where_they_take_as_long_as_they_should() -> None:
    size = pace.FIRST
    for _ in range(20):
        size = pace.following(size, took=size * 0.0001, target=0.5)
    assert size == 5000


def test_a_batch_never_becomes_empty_nor_boundless() -> None:
    size = pace.FIRST
    for _ in range(50):
        size = pace.halved(size)
    assert size == pace.SMALLEST
    for _ in range(50):
        size = pace.following(size, took=0.0, target=0.5)
    assert size == pace.LARGEST


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("update shop.orders set x = 1", "mentions no stretch"),
        ("update shop.orders set x = 1 where id >= $1", "mentions \\$1;"),
        ("update shop.orders set x = '$1' where id >= $1 -- $2", "mentions \\$1;"),
        ("update shop.orders set x = $3 where id between $1 and $2", "\\$1 and \\$2 and \\$3"),
        ("select $1, $2; select $1, $2", "has 2"),
        ("-- nothing but this", "has 0"),
        ("update shop.orders set id = id + 1 where id between $1 and $2", "changes id"),
        ("with a as (update shop.orders set id = 1 where id between $1 and $2) select 1", "changes id"),
    ],
)
def test_a_statement_that_cannot_walk_is_refused(text: str, about: str) -> None:
    with pytest.raises(AuthorError, match=about) as refused:
        statement.of(job(text), WALK)
    assert (refused.value.code, bool(refused.value.fix)) == ("job_statement", True)


@pytest.mark.parametrize(
    "text",
    [
        "update shop.orders set x = coalesce(x, id = 3) where id between $1 and $2;",
        "update shop.others set id = 1 from shop.orders as o where o.id between $1 and $2",
        "delete from shop.orders where id between $1 and $2",
        "/* $3 */ select shop.mend($1, $2) -- $4",
        "insert into shop.copies select * from shop.orders where id between $1 and $2 and x <> $$ $9 $$",
    ],
)
def test_a_statement_that_can_walk_is_taken_as_it_stands(text: str) -> None:
    assert statement.of(job(text), WALK) == text.rstrip(";")


def test_limits_are_changed_by_name_and_the_others_stay() -> None:
    changed = signals.limits({"replica-lag": 30.0, "vacuum": None})
    assert changed == {**signals.DEFAULTS, "replica-lag": 30.0, "vacuum": None}


def test_a_signal_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(AuthorError) as refused:
        signals.limits({"lag": 1.0})
    assert "replica-lag" in refused.value.fix


def test_jobs_have_locks_that_are_none_of_the_products_own() -> None:
    from lamppost.migrate import lock
    from lamppost.migrate.jobs.session import number

    numbers: set[Any] = {number(f"job {i}") for i in range(1000)}
    assert len(numbers) == 1000
    assert not numbers & {lock.MIGRATING, lock.PROVISIONING}
    assert all(0 < one < 2**31 for one in numbers)
