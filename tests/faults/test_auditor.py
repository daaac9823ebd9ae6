"""The auditor notices what it is there to notice."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faults.auditor import Book, is_lost, is_signed, owed, untrue

NINE = datetime(2031, 3, 1, 9, tzinfo=UTC)
KEY = ("person", NINE)


def post(**said: Any) -> dict[str, Any]:
    return {"id": "msg_ab", "body": b"{}", "status": 200, **said}


def row(status: str) -> tuple[Any, ...]:
    return "person", 2031, NINE, status, "a-b", 1


@pytest.mark.parametrize(
    ("recorded", "posts", "lost"),
    [
        (None, [], True),
        (None, [post()], True),
        (row("waiting"), [post(status=500)], True),
        (row("delivered"), [], True),
        (row("delivered"), [post(status=500)], True),
        (row("delivered"), [post(status=None), post()], False),
        (row("dead"), [post(status=500)], False),
    ],
)
def test_lost_is_what_has_no_end_or_was_delivered_to_nobody(recorded: Any, posts: Any, lost: bool) -> None:
    assert is_lost(recorded, posts) is lost


def test_a_repeat_has_the_same_id_and_the_same_words() -> None:
    assert untrue([KEY], {KEY: row("delivered")}, {KEY: [post(), post()]}) == []
    assert untrue([KEY], {KEY: row("delivered")}, {KEY: [post(), post(id="msg_cd")]}) != []
    assert untrue([KEY], {KEY: row("delivered")}, {KEY: [post(), post(body=b"other")]}) != []
    assert untrue([KEY], {KEY: row("delivered")}, {KEY: [post(id="msg_cd")]}) != []


def test_it_knows_by_itself_when_somebody_is_greeted() -> None:
    leap = {"id": "x", "born": "2000-02-29", "zone": "Asia/Tokyo", "known": "2031-02-01T00:00:00+00:00"}
    found = owed(leap, datetime(2032, 12, 31, tzinfo=UTC))
    assert found == [datetime(2031, 3, 1, tzinfo=UTC), datetime(2032, 2, 29, tzinfo=UTC)]
    assert owed({**leap, "known": "2031-03-01T00:00:00+00:00"}, datetime(2031, 12, 31, tzinfo=UTC)) == []


def test_a_signature_of_another_secret_is_none() -> None:
    """The first vector of the Standard Webhooks reference libraries."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body = b'{"test": 2432232314}'
    assert is_signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", headers, body)
    assert not is_signed("whsec_" + "c2VjcmV0" * 4, headers, body)


def test_new_orders_begin_a_new_count(tmp_path: Any) -> None:
    book = Book(str(tmp_path / "posts.sqlite"))
    book.arrived = 7
    book.behave({"status": 503})
    assert (book.arrived, book.orders["status"], book.orders["drop"]) == (0, 503, 0.0)
