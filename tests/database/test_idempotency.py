"""A request under an Idempotency-Key happens once, whatever else happens."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from lamppost.db.pool import close_pool
from lamppost.runtime import idempotency, queues, sweeping
from lamppost.testing.plugin import MakeDatabase
from tests.data.once.services.once.api import LINES
from tests.once import TABLES, Shop, led_to, told
from tests.running import until

WAITING = """
select count(*) from pg_locks join pg_stat_activity using (pid)
 where not granted and datname = current_database()
"""
MUTATING = (
    "POST /order",
    "PUT /order/{name}",
    "PATCH /order/{name}",
    "DELETE /order/{name}",
    "POST /picture",
)


class Books:
    """What the administrator sees."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.db = database.connect(admin=True)

    def orders(self) -> list[str]:
        return [name for (name,) in self.db.execute("select name from once.orders order by id").fetchall()]

    def kept(self) -> int:
        return int(self.db.execute("select count(*) from lamppost.idempotency").fetchone()[0])

    def until_waiting(self, sessions: int) -> None:
        """Return when so many sessions wait for another's transaction."""
        until(lambda: self.db.execute(WAITING).fetchone() == (sessions,))


@pytest.fixture
def books(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    made = database(folders=TABLES)
    led_to(made, monkeypatch)
    close_pool()
    yield Books(made)
    close_pool()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reached the queue."""
    arrived: list[str] = []
    monkeypatch.setattr(queues, "send_raw", lambda queue, account, bodies: arrived.extend(bodies))
    return arrived


@pytest.mark.parametrize("route", MUTATING)
def test_the_same_request_twice_has_one_effect_and_one_answer(books: Books, route: str) -> None:
    shop = Shop()
    first = shop.ask(route, key="k1")
    again = shop.ask(route, key="k1")
    assert 200 <= first["statusCode"] < 300
    assert again["headers"].pop("idempotent-replayed") == "true"
    assert {**first, "isBase64Encoded": first.get("isBase64Encoded", False)} == again
    assert books.orders() == ["one"]


def test_without_a_key_each_request_is_a_new_wish(books: Books) -> None:
    shop = Shop()
    assert shop.ask("POST /order")["body"] != shop.ask("POST /order")["body"]
    assert (books.orders(), books.kept()) == (["one", "one"], 0)


def test_a_key_is_the_same_with_and_without_quotes(books: Books) -> None:
    shop = Shop()
    first = shop.ask("POST /order", key="8e03978e-40d5-43dd-bc93-6894a57f9324")
    again = shop.ask("POST /order", key='"8e03978e-40d5-43dd-bc93-6894a57f9324"')
    assert (again["body"], books.orders()) == (first["body"], ["one"])


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"more": {"rawQueryString": "a=1"}}, {"route": "POST /strict"}]
)
def test_another_request_under_the_same_key_is_refused(books: Books, change: dict[str, Any]) -> None:
    shop = Shop()
    shop.ask("POST /order", key="k1")
    asked = {"route": "POST /order", "key": "k1", **change}
    assert told(shop.ask(asked.pop("route"), **asked)) == (422, "idempotency_key_reused")
    assert books.orders() == ["one"]


def test_a_header_that_the_handler_reads_is_a_part_of_the_wish(books: Books) -> None:
    shop = Shop()

    def ask(**headers: str) -> tuple[int, Any]:
        head = {"content-type": "application/json", "idempotency-key": "k1", **headers}
        return told(shop.ask("POST /placed", more={"headers": head}))

    here = {"x-place": "here"}
    assert ask(**here) == ask(**here) == (200, {"id": 1, "place": "here"})
    assert ask(**{"x-place": "there"}) == ask() == (422, "idempotency_key_reused")
    assert ask(**here, **{"x-unread": "1"}) == (200, {"id": 1, "place": "here"})


@pytest.mark.parametrize("key", [None, "k1"])
def test_a_refusal_that_keeps_leaves_what_was_written(books: Books, key: str | None) -> None:
    shop = Shop()
    assert told(shop.ask("POST /robbed", key=key)) == (401, "robbed")
    assert (books.orders(), books.kept()) == (["one"], int(key is not None))
    again = shop.ask("POST /robbed", key=key)
    assert again["headers"]["content-type"] == "application/problem+json"
    assert (told(again), books.orders()) == ((401, "robbed"), ["one"] if key else ["one", "one"])


@pytest.mark.parametrize("key", [None, "k1"])
def test_nothing_can_be_kept_of_a_transaction_that_failed(books: Books, key: str | None) -> None:
    shop = Shop()
    assert told(shop.ask("POST /robbed", "wrong", key=key)) == (500, "internal_error")
    assert json.loads(shop.lines[-1])["code"] == "nothing_to_keep"
    assert (books.orders(), books.kept()) == ([], 0)


@pytest.mark.parametrize("key", [None, "k"])
def test_a_stolen_token_ends_its_line_with_a_key_and_without(books: Books, key: str | None) -> None:
    """The thief comes second: the 401 must not undo that the line has ended."""
    shop = Shop()

    def renew(token: str, number: int) -> tuple[int, Any]:
        return told(shop.ask("POST /renew", token, key=f"{key}{number}" if key else None))

    now = datetime.now(UTC)
    with books.db.transaction():
        first = LINES.begin(books.db, "ada", now=now).token
    status, answer = renew(first, 1)
    assert status == 200
    assert renew(first, 2) == (401, "refresh_token_invalid")
    assert renew(answer["token"], 3) == (401, "refresh_token_invalid")
    ended = books.db.execute("select revoked_at is not null from lamppost.refresh_tokens").fetchall()
    assert ended == [(True,)]
    # And a repetition under its own key is the first answer, not a replay of the token.
    if key:
        assert renew(first, 1) == (200, answer)


def test_two_callers_may_think_of_the_same_key(books: Books) -> None:
    shop = Shop()
    answers = {shop.ask("POST /order", key="k1", caller=caller)["body"] for caller in ("ada", "ben")}
    assert (len(answers), len(books.orders())) == (2, 2)


def test_strangers_see_each_others_answers_only_with_the_same_proof(books: Books) -> None:
    shop = Shop()

    def ask(headers: dict[str, str], cookies: list[str]) -> str:
        head = {"content-type": "application/json", "idempotency-key": "k1", **headers}
        more = {"headers": head, "cookies": cookies}
        return str(shop.ask("POST /stranger", caller=None, more=more)["body"])

    proofs: tuple[Any, ...] = (({}, []), ({"authorization": "Bearer a"}, []), ({}, ["session=1"]))
    assert len({ask(*proof) for proof in proofs}) == 3
    assert len({ask(*proof) for proof in proofs}) == 3
    assert len(books.orders()) == 3


def test_a_route_may_require_a_key(books: Books) -> None:
    shop = Shop()
    assert told(shop.ask("POST /strict")) == (400, "idempotency_key_missing")
    assert shop.ask("POST /strict", key="k1")["statusCode"] == 201


def test_a_refusal_undoes_everything_and_the_key_may_be_used_again(books: Books) -> None:
    shop = Shop()
    assert told(shop.ask("POST /refused", key="k1")) == (409, "sold_out")
    assert told(shop.ask("POST /dark", key="k2")) == (500, "internal_error")
    assert (books.orders(), books.kept()) == ([], 0)
    assert shop.ask("POST /order", key="k1")["statusCode"] == 201


def test_a_failure_that_is_returned_undoes_everything(books: Books) -> None:
    shop = Shop()
    assert shop.ask("POST /returned", "503", key="k1")["statusCode"] == 503
    assert (books.orders(), books.kept()) == ([], 0)


def test_a_refusal_that_is_returned_is_an_answer_and_kept(books: Books) -> None:
    shop = Shop()
    first = shop.ask("POST /returned", "404", key="k1")
    assert shop.ask("POST /returned", "404", key="k1")["body"] == first["body"]
    assert books.orders() == ["404"]


def test_a_body_that_is_refused_leaves_no_key_behind(books: Books) -> None:
    shop = Shop()
    assert (
        shop.ask("POST /order", key="k1", more={"body": "{}", "isBase64Encoded": False})["statusCode"] == 422
    )
    assert books.kept() == 0
    assert shop.ask("POST /order", key="k1")["statusCode"] == 201


def test_an_answer_too_large_to_keep_is_not_given_and_nothing_was_done(books: Books) -> None:
    assert told(Shop().ask("POST /large", key="k1")) == (422, "idempotency_answer_too_large")
    assert (books.orders(), books.kept()) == ([], 0)
    assert Shop().ask("POST /large")["statusCode"] == 200


def test_a_block_that_fails_and_is_borne_loses_its_own_rows_only(books: Books) -> None:
    first = Shop().ask("POST /twice", key="k1")
    assert len(json.loads(first["body"])["ids"]) == 2
    assert books.orders() == ["one", "one"]


@pytest.mark.parametrize("key", [None, "k1"])
def test_what_a_block_says_of_its_tenant_ends_with_it(books: Books, key: str | None) -> None:
    assert told(Shop().ask("POST /tenants", "acme", key=key)) == (200, {"left": ""})


def test_messages_wait_for_the_commit(books: Books, sent: list[str]) -> None:
    shop = Shop()
    assert told(shop.ask("POST /told", "no", key="k1")) == (409, "sold_out")
    assert sent == []
    number = json.loads(shop.ask("POST /told", "yes", key="k2")["body"])["id"]
    shop.ask("POST /told", "yes", key="k2")
    assert [json.loads(body) for body in sent] == [{"order": number}]


def test_a_queue_that_fails_after_the_commit_does_not_unsay_the_effect(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ConnectionError("the queue is away")

    monkeypatch.setattr(queues, "send_raw", broken)
    shop = Shop()
    first = shop.ask("POST /told", "yes", key="k1")
    assert (first["statusCode"], books.orders()) == (200, ["yes"])
    assert [line for line in shop.lines if "message.unsent_after_commit" in line]
    assert shop.ask("POST /told", "yes", key="k1")["body"] == first["body"]


class Apart(threading.Thread):
    """A request on a thread of its own."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.answer: dict[str, Any] = {}
        self._ask = ask
        self.start()

    def run(self) -> None:
        self.answer = self._ask()

    def done(self) -> dict[str, Any]:
        self.join(30)
        return self.answer


def test_a_duplicate_that_comes_meanwhile_waits_and_gets_the_same_answer(books: Books) -> None:
    held = books.database.connect(autocommit=False)
    held.execute("lock table once.orders in exclusive mode")
    first = Apart(lambda: Shop().ask("POST /order", key="k1"))
    books.until_waiting(1)
    second = Apart(lambda: Shop().ask("POST /order", key="k1"))
    books.until_waiting(2)
    held.rollback()
    assert first.done()["statusCode"] == second.done()["statusCode"] == 201
    assert first.answer["body"] == second.answer["body"]
    assert books.orders() == ["one"]


def test_a_duplicate_that_cannot_wait_is_told_to_come_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE", 0.05)
    held = books.database.connect(autocommit=False)
    held.execute("lock table once.orders in exclusive mode")
    first = Apart(lambda: Shop().ask("POST /order", key="k1"))
    books.until_waiting(1)
    busy = Shop().ask("POST /order", key="k1")
    assert (told(busy), busy["headers"]["retry-after"]) == ((409, "idempotency_in_progress"), "2")
    held.rollback()
    assert first.done()["statusCode"] == 201


def test_patience_with_a_duplicate_is_not_patience_with_the_handlers_own_locks(books: Books) -> None:
    shop = Shop()
    shop.ask("POST /order", key="k0")
    from lamppost.db.pool import get_pool

    with get_pool().transaction() as db:
        claimed = db.execute(
            "select ours from lamppost.idempotency_claim('s', 'k', ''::bytea, interval '1 h', '7ms')"
        ).fetchone()
        setting = db.execute("show lock_timeout").fetchone()
    assert (claimed, setting) == ((True,), ("10s",))


def test_after_it_expired_a_key_is_new(books: Books) -> None:
    shop = Shop()
    first = shop.ask("POST /order", key="k1")
    books.db.execute("update lamppost.idempotency set expires_at = clock_timestamp()")
    second = shop.ask("POST /order", "other", key="k1")
    assert (second["statusCode"], second["body"] != first["body"]) == (201, True)
    assert shop.ask("POST /order", "other", key="k1")["body"] == second["body"]


def test_a_sweep_removes_what_expired_and_nothing_else(books: Books) -> None:
    shop = Shop()
    for number in range(5):
        shop.ask("POST /order", key=f"k{number}")
    books.db.execute("update lamppost.idempotency set expires_at = clock_timestamp() where key < 'k3'")
    assert [sweeping.sweep(idempotency.SWEEP, 2) for _ in range(3)] == [2, 1, 0]
    assert books.kept() == 2


def test_a_sweep_without_a_database_is_a_word_in_the_log(
    books: Books, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    close_pool()
    monkeypatch.setenv("DB_PORT", "1")
    assert sweeping.sweep(idempotency.SWEEP, 2) == 0
    assert "sweep.failed" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["select * from", "delete from", "insert into"])
@pytest.mark.parametrize("table", ["idempotency", "buckets"])
def test_a_function_cannot_look_through_the_tables_behind(books: Books, table: str, verb: str) -> None:
    tail = " default values" if verb.startswith("insert") else ""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        books.database.connect().execute(f"{verb} lamppost.{table}{tail}")


def test_a_request_given_up_leaves_neither_effect_nor_key(books: Books) -> None:
    late = Shop().ask("POST /order", key="k1", wait=20, remaining=0.6)
    assert told(late) == (503, "timeout")
    assert (books.orders(), books.kept()) == ([], 0)
    assert Shop().ask("POST /order", key="k1")["statusCode"] == 201


def test_without_its_database_a_keyed_request_is_told_to_come_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_pool()
    monkeypatch.setenv("DB_PORT", "1")
    answer = Shop().ask("POST /order", key="k1")
    assert told(answer) == (503, "database_unavailable")
    assert answer["headers"]["retry-after"]
