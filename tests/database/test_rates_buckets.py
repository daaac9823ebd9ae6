"""Callers draw from buckets that all sandboxes share."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from lamppost.db.pool import close_pool
from lamppost.derive.manifest import RateEntry
from lamppost.runtime import limits, sweeping
from lamppost.testing.plugin import MakeDatabase
from tests.once import TABLES, Shop, led_to, told

SLOW = RateEntry("slow", 60, 3600.0, 60.0, 2, 1.0, 1)
LATER = "update lamppost.buckets set full_at = full_at - %s * interval '1 s'"


@pytest.fixture
def books(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made = database(folders=TABLES)
    led_to(made, monkeypatch)
    close_pool()
    limits._empty.clear()
    yield made
    limits._empty.clear()
    close_pool()


def time_passes(books: Any, seconds: float) -> None:
    """For the buckets, and for what a sandbox remembers of them."""
    books.connect(admin=True).execute(LATER, (seconds,))
    limits._empty.clear()


def rate_fields(answer: dict[str, Any]) -> tuple[str, ...]:
    return tuple(answer["headers"].get(f"ratelimit-{field}", "") for field in ("limit", "remaining", "reset"))


def test_the_bucket_empties_and_the_caller_is_told_when_to_come_again(books: Any) -> None:
    shop = Shop("counted")
    answers = [shop.ask("GET /burst") for _ in range(3)]
    assert [answer["statusCode"] for answer in answers] == [200, 200, 429]
    assert [rate_fields(answer) for answer in answers] == [
        ("2", "1", "60"),
        ("2", "0", "120"),
        ("2", "0", "60"),
    ]
    assert told(answers[2])[1] == "rate_limited"
    assert answers[2]["headers"]["retry-after"] == "60"


def test_tokens_come_back_one_by_one(books: Any) -> None:
    shop = Shop("counted")
    seen = []
    for pause in (0, 0, 0, 61, 0, 200, 0, 0):
        time_passes(books, pause)
        seen.append(shop.ask("GET /burst")["statusCode"])
    assert seen == [200, 200, 429, 200, 429, 200, 200, 429]


def test_callers_and_classes_have_buckets_of_their_own(books: Any) -> None:
    shop = Shop("counted")
    for _ in range(3):
        shop.ask("GET /burst")
    assert shop.ask("GET /burst", caller="ben")["statusCode"] == 200
    assert shop.ask("GET /page")["statusCode"] == 200
    assert shop.ask("POST /login", caller=None)["statusCode"] == 200


def test_strangers_are_counted_by_their_address(books: Any) -> None:
    shop = Shop("counted")
    assert [shop.ask("POST /login", caller=None)["statusCode"] for _ in range(6)] == [200] * 5 + [429]
    elsewhere = {"requestContext": {"http": {"method": "POST", "sourceIp": "192.0.2.99"}}}
    assert shop.ask("POST /login", caller=None, more=elsewhere)["statusCode"] == 200


def test_a_refused_request_says_how_many_calls_are_left_too(books: Any) -> None:
    refused = Shop("counted").ask("POST /counted", more={"body": "{}", "isBase64Encoded": False})
    assert (refused["statusCode"], refused["headers"]["ratelimit-remaining"]) == (422, "9")


def test_a_replayed_answer_says_how_many_calls_are_left_now(books: Any) -> None:
    shop = Shop("counted")
    answers = [shop.ask("POST /counted", key="k1") for _ in range(2)]
    assert answers[0]["body"] == answers[1]["body"]
    assert [answer["headers"]["ratelimit-remaining"] for answer in answers] == ["9", "8"]


def test_whoever_is_over_is_turned_away_without_asking_the_database(
    books: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop("counted")
    for _ in range(3):
        shop.ask("GET /burst")
    close_pool()
    monkeypatch.setenv("DB_PORT", "1")
    assert rate_fields(shop.ask("GET /burst")) == ("2", "0", "60")
    assert told(shop.ask("GET /burst", caller="ben")) == (503, "database_unavailable")


def test_a_clock_set_back_keeps_nobody_out(books: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop("counted")
    for _ in range(3):
        shop.ask("GET /burst")
    books.connect(admin=True).execute("delete from lamppost.buckets")
    now = limits.time.time()
    monkeypatch.setattr(limits.time, "time", lambda: now - 3600)
    assert shop.ask("GET /burst")["statusCode"] == 200


def test_no_token_is_lost_and_none_is_given_twice(books: Any) -> None:
    taken: list[bool] = []

    def ask() -> None:
        with psycopg.connect(books.app, autocommit=True) as db:
            for _ in range(50):
                row = db.execute(limits.TAKE, ("crowd", 3600.0, 100)).fetchone()
                taken.append(bool(row and row[0]))

    crowd = [threading.Thread(target=ask) for _ in range(8)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert (taken.count(True), taken.count(False)) == (100, 300)


def test_a_database_clock_that_steps_back_gives_no_token_away(books: Any) -> None:
    db = books.connect()
    for _ in range(2):
        db.execute(limits.TAKE, ("s", 60.0, 2))
    # As if the row had been written an hour ahead.
    time_passes(books, -3600)
    assert db.execute(limits.TAKE, ("s", 60.0, 2)).fetchone()[0] is False


def test_a_sweep_takes_full_buckets_and_leaves_the_others(books: Any) -> None:
    db = books.connect()
    db.execute(limits.TAKE, ("old", 60.0, 2))
    time_passes(books, 61)
    db.execute(limits.TAKE, ("new", 60.0, 2))
    assert sweeping.sweep(limits.SWEEP, 10) == 1
    assert books.connect(admin=True).execute("select scope from lamppost.buckets").fetchall() == [("new",)]


def test_a_body_over_the_routes_limit_is_refused(books: Any) -> None:
    shop = Shop()
    assert shop.ask("POST /small", "a" * 40)["statusCode"] == 200
    assert told(shop.ask("POST /small", "a" * 80)) == (413, "body_too_large")
