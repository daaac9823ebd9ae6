"""The receivers of the guide, as they stand there: a Lamppost function, and plain Python."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.db.pool import close_pool
from lamppost.delivery import signing
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances
from lamppost.settings import source
from lamppost.testing.plugin import MakeDatabase
from tests.bad_inputs import Called
from tests.documents import blocks
from tests.once import led_to
from tests.running import ROOT

GUIDE = ROOT / "docs" / "guides" / "webhooks.md"
TILL = ROOT / "tests" / "data" / "till" / "services" / "till"
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
BODY = json.dumps({"order": "A-1", "cents": 250}).encode()


def block(file: str) -> str:
    """The guide's block of that name."""
    (found,) = (each.text for each in blocks(GUIDE) if each.marker == f"file: {file}")
    return found


def signed(
    message_id: str = "msg_1", secret: str = SECRET, body: bytes = BODY
) -> tuple[tuple[str, str], ...]:
    return signing.headers(signing.keys(secret), message_id, int(time.time()), body)


def test_the_guide_shows_the_function_that_is_tested_here() -> None:
    assert block("services/till/api.py") == (TILL / "api.py").read_text()


class Till(Called):
    """The function, on a database of its own."""

    def __init__(self, made: Any) -> None:
        super().__init__("tests.data.till.services.till.service")
        self.db = made.connect(admin=True)

    def hear(self, headers: tuple[tuple[str, str], ...], body: bytes = BODY) -> tuple[int, str]:
        answer = self("POST /paid", body, dict(headers))
        return answer["statusCode"], json.loads(answer.get("body") or "{}").get("code", "")

    def bookings(self) -> list[str]:
        return [row[0] for row in self.db.execute("select order_id from till.bookings").fetchall()]


@pytest.fixture
def till(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    made = database(folders=(("till", TILL / "migrations"),))
    led_to(made, monkeypatch)
    monkeypatch.setattr(source, "secret", lambda name: SECRET)
    close_pool()
    yield Till(made)
    close_pool()


def test_a_payment_that_is_told_three_times_is_booked_once(till: Till) -> None:
    assert [till.hear(signed()) for _ in range(3)] == [(204, "")] * 3
    assert till.bookings() == ["A-1"]


def test_what_nobody_signed_books_nothing(till: Till) -> None:
    assert till.hear(signed(secret=OTHER)) == (401, "webhook_signature_invalid")
    assert till.hear(signed(), BODY + b" ") == (401, "webhook_signature_invalid")
    assert till.bookings() == []


def test_a_payment_that_could_not_be_booked_is_booked_when_it_comes_again(till: Till) -> None:
    till.db.execute("alter table till.bookings rename to away")
    assert till.hear(signed())[0] == 500
    till.db.execute("alter table till.away rename to bookings")
    assert till.hear(signed()) == (204, "")
    assert till.bookings() == ["A-1"]


@pytest.fixture
def plain(empty: Any, tmp_path: Path) -> Iterator[str]:
    """The guide's program, running; its URL."""
    program = tmp_path / "receiver.py"
    program.write_text(block("receiver.py"))
    variables = {**os.environ, "WEBHOOK_SECRET": SECRET, "DATABASE_URL": empty.admin, "PORT": "0"}
    with subprocess.Popen(
        [sys.executable, program], env=variables, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_plain_python_receives_what_we_send(plain: str, empty: Any) -> None:
    posts = [Post(plain, BODY, headers) for headers in (signed(), signed(), signed(), signed(secret=OTHER))]
    answers = send(posts, deadline=time.monotonic() + 20, allowed=Allowances(loopback=True))
    assert [answer and answer.status for answer in answers] == [204, 204, 204, 401]
    with psycopg.connect(empty.admin) as db:
        assert db.execute("select order_id from bookings").fetchall() == [("A-1",)]
