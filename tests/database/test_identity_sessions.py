"""Refresh tokens and revocations in a real database: turned once, replayed never, swept when over."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from lamppost.testing.plugin import MakeDatabase
from lamppost.tokens import refresh, revoked
from lamppost.tokens.refresh import Lines, Replayed, Turned, Unknown

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LINES = Lines("miyabi", lifetime=7 * DAY, ends=30 * DAY)


@pytest.fixture
def app(database: MakeDatabase) -> Iterator["psycopg.Connection[Any]"]:
    """A connection with a service's own rights."""
    with psycopg.connect(database("birthday").app, autocommit=True) as connection:
        yield connection


def turned(verdict: Turned | Replayed | Unknown) -> Turned:
    assert isinstance(verdict, Turned), verdict
    return verdict


def test_each_use_makes_a_successor_of_the_same_person(app: Any) -> None:
    first = LINES.begin(app, "user-1", now=NOW)
    second = turned(LINES.turn(app, first.token, now=NOW + DAY))
    third = turned(LINES.turn(app, second.token, now=NOW + 2 * DAY))
    assert [each.generation for each in (first, second, third)] == [1, 2, 3]
    assert third.subject == "user-1"
    assert third.expires_at == NOW + 9 * DAY
    assert len({first.token, second.token, third.token}) == 3


def test_an_old_token_ends_the_line_of_the_new_one(app: Any) -> None:
    first = LINES.begin(app, "user-1", now=NOW)
    second = turned(LINES.turn(app, first.token, now=NOW))
    assert LINES.turn(app, first.token, now=NOW) == Replayed("user-1")
    assert LINES.turn(app, second.token, now=NOW) == Unknown()
    assert LINES.turn(app, first.token, now=NOW) == Unknown()


def test_another_login_of_the_same_person_goes_on(app: Any) -> None:
    first, other = (LINES.begin(app, "user-1", now=NOW) for _ in range(2))
    LINES.turn(app, first.token, now=NOW)
    LINES.turn(app, first.token, now=NOW)
    assert turned(LINES.turn(app, other.token, now=NOW))


def test_a_token_ends_when_unused_and_a_line_ends_however_used(app: Any) -> None:
    idle = LINES.begin(app, "user-1", now=NOW)
    assert LINES.turn(app, idle.token, now=NOW + 7 * DAY) == Unknown()
    token = LINES.begin(app, "user-1", now=NOW).token
    for day in range(5, 30, 5):
        last = turned(LINES.turn(app, token, now=NOW + day * DAY))
        token = last.token
    assert last.expires_at == NOW + 30 * DAY
    assert LINES.turn(app, token, now=NOW + 30 * DAY) == Unknown()


def test_a_token_of_another_service_is_unknown_and_harms_nothing(app: Any) -> None:
    first = LINES.begin(app, "user-1", now=NOW)
    other = Lines("users", lifetime=DAY, ends=DAY)
    assert other.turn(app, first.token, now=NOW) == Unknown()
    other.end(app, first.token, now=NOW)
    assert turned(LINES.turn(app, first.token, now=NOW))


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", f"{'0123456789abcdef' * 2}.{'a' * 43}", "'; drop table x; --", "\x00"]
)
def test_what_is_no_token_is_unknown(app: Any, token: str) -> None:
    assert LINES.turn(app, token, now=NOW) == Unknown()
    LINES.end(app, token, now=NOW)


def test_of_many_at_once_exactly_one_wins(database: MakeDatabase) -> None:
    made = database("birthday")
    with psycopg.connect(made.app, autocommit=True) as app:
        first = LINES.begin(app, "user-1", now=NOW)
    barrier = threading.Barrier(8)
    verdicts: list[Turned | Replayed | Unknown] = []

    def use() -> None:
        with psycopg.connect(made.app) as own:
            barrier.wait()
            verdict = LINES.turn(own, first.token, now=NOW)
            own.commit()
            verdicts.append(verdict)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    won = [verdict for verdict in verdicts if isinstance(verdict, Turned)]
    assert (len(verdicts), len(won)) == (8, 1)
    assert sum(isinstance(verdict, Replayed) for verdict in verdicts) == 1
    with psycopg.connect(made.app) as app:
        assert LINES.turn(app, won[0].token, now=NOW) == Unknown()


def test_who_waits_for_one_that_is_rolled_back_wins(database: MakeDatabase) -> None:
    made = database("birthday")
    with psycopg.connect(made.app, autocommit=True) as app:
        first = LINES.begin(app, "user-1", now=NOW)
    with psycopg.connect(made.app) as dying:
        LINES.turn(dying, first.token, now=NOW)
        dying.rollback()
    with psycopg.connect(made.app) as app:
        assert turned(LINES.turn(app, first.token, now=NOW)).generation == 2


def test_logging_out_ends_one_line_or_all(app: Any) -> None:
    one, two, three = (LINES.begin(app, "user-1", now=NOW) for _ in range(3))
    others = LINES.begin(app, "user-2", now=NOW)
    LINES.end(app, one.token, now=NOW)
    assert LINES.turn(app, one.token, now=NOW) == Unknown()
    assert LINES.end_all(app, "user-1", now=NOW) == 2
    assert [LINES.turn(app, each.token, now=NOW) for each in (two, three)] == [Unknown(), Unknown()]
    assert turned(LINES.turn(app, others.token, now=NOW))


def test_the_database_holds_no_token(app: Any) -> None:
    first = LINES.begin(app, "user-1", now=NOW)
    rows = str(app.execute("select * from lamppost.refresh_tokens").fetchall())
    assert first.token.split(".")[1] not in rows


def test_a_token_taken_back_is_known_until_it_would_have_expired(app: Any) -> None:
    jti, other = uuid4(), uuid4()
    for _ in range(2):
        revoked.revoke(app, jti, expires_at=NOW + timedelta(hours=1))
    assert (revoked.is_revoked(app, jti), revoked.is_revoked(app, other)) == (True, False)
    assert revoked.sweep(app, now=NOW) == 0
    assert revoked.sweep(app, now=NOW + timedelta(hours=2)) == 1
    assert not revoked.is_revoked(app, jti)


def test_sweeping_takes_what_is_over_in_bites_and_leaves_the_rest(app: Any) -> None:
    for _ in range(5):
        LINES.begin(app, "user-1", now=NOW - 20 * DAY)
    alive = LINES.begin(app, "user-1", now=NOW)
    assert [refresh.sweep(app, now=NOW, limit=3) for _ in range(3)] == [3, 2, 0]
    assert turned(LINES.turn(app, alive.token, now=NOW))
