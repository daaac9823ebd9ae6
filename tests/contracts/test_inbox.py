"""The inbox shows what arrived, whose signature fits, how often it came, and forgets what is too much."""

import asyncio
import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lamppost.delivery import signing
from lamppost.local import arrivals
from lamppost.local.http import Request, Response
from lamppost.local.inbox import Inbox

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
SECRETS = [
    ("app/credentials", '{"password": "x"}'),
    ("other/signing", "whsec_" + "A" * 43 + "="),
    ("bday/signing", SECRET),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "inbox.jsonl"


@pytest.fixture
def inbox(place: Path) -> Iterator[Inbox]:
    opened = Inbox(place, lambda: SECRETS)
    yield opened
    opened.close()


def ask(inbox: Inbox, method: str, query: str = "", body: bytes = b"{}", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(inbox(Request(method, "/_inbox", query, named, body, "127.0.0.1")))


def post(inbox: Inbox, query: str = "", body: bytes = b"{}", **headers: str) -> int:
    return ask(inbox, "POST", query, body, **headers).status


def shown(inbox: Inbox, query: str = "") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = msgspec.json.decode(ask(inbox, "GET", query).body)
    return listed


def signed(message_id: str, secret: str = SECRET, body: bytes = b"{}", at: float = 0) -> dict[str, str]:
    return dict(signing.headers(signing.keys(secret), message_id, int(at or time.time()), body))


def test_it_says_whose_secret_signed(inbox: Inbox) -> None:
    post(inbox, **signed("m"))
    post(inbox, **signed("m", "whsec_" + base64.b64encode(b"z" * 32).decode()))
    post(inbox, **signed("m", at=time.time() - 3600))
    post(inbox, **{**signed("m"), "webhook-timestamp": "soon"})
    post(inbox)
    assert [each["signature"] for each in reversed(shown(inbox))] == [
        "fits bday/signing", "webhook_signature_invalid", "webhook_too_old", "webhook_header_invalid", "",
    ]  # fmt: skip


def test_it_counts_the_tries_of_a_message_across_a_restart(inbox: Inbox, place: Path) -> None:
    for message in ("msg_1", "msg_2", "msg_1"):
        post(inbox, webhook_id=message)
    again = Inbox(place)
    post(again, webhook_id="msg_1")
    assert [(each["id"], each["tries"]) for each in shown(again)] == [
        ("msg_1", 3), ("msg_1", 2), ("msg_2", 1), ("msg_1", 1),
    ]  # fmt: skip
    again.close()


def test_the_first_tries_of_each_message_can_be_refused(inbox: Inbox) -> None:
    asked = "answer=503&times=2"
    assert [post(inbox, asked, webhook_id="msg_1") for _ in range(4)] == [503, 503, 200, 200]
    assert post(inbox, asked, webhook_id="msg_2") == 503


def test_a_refusal_can_ask_for_time(inbox: Inbox) -> None:
    assert ask(inbox, "POST", "answer=429&retry-after=30").headers["retry-after"] == "30"
    assert "retry-after" not in ask(inbox, "POST", "answer=429&retry-after=soon").headers


def test_the_list_is_narrowed_by_message_and_by_answer(inbox: Inbox) -> None:
    for query, message in (("", "msg_1"), ("answer=500", "msg_1"), ("answer=503", "msg_2")):
        post(inbox, query, webhook_id=message)
    assert [each["answered"] for each in shown(inbox, "id=msg_1")] == [500, 200]
    assert [each["answered"] for each in shown(inbox, "answered=5xx")] == [503, 500]
    assert [each["answered"] for each in shown(inbox, "answered=503")] == [503]
    assert [each["answered"] for each in shown(inbox, "answered=5xx&limit=1")] == [503]
    assert shown(inbox, "id=nobody") == []


def test_a_large_body_is_kept_by_its_beginning(inbox: Inbox) -> None:
    post(inbox, body=b'"' + b"x" * arrivals.BODY_KEPT + b'"')
    (arrival,) = shown(inbox)
    assert (len(arrival["body"]), arrival["cut"]) == (arrivals.BODY_KEPT, 2)


def test_neither_memory_nor_file_grows_for_ever(
    inbox: Inbox, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MEMORY_KEPT", 3000)
    monkeypatch.setattr(arrivals, "FILE_KEPT", 5000)
    for number in range(100):
        post(inbox, body=b'"%s"' % (b"x" * 500), webhook_id=f"msg_{number}")
    assert [each["id"] for each in shown(inbox)] == ["msg_99", "msg_98", "msg_97", "msg_96"]
    assert sum(path.stat().st_size for path in place.parent.iterdir()) < 10_000
    again = Inbox(place)
    assert shown(again, "limit=1")[0]["id"] == "msg_99"
    again.close()


def test_what_was_kept_by_an_older_inbox_is_shown(place: Path) -> None:
    place.write_text('{"at":1.0,"path":"/","headers":{},"body":{},"answered":200}\n{"at":2.0,"pa')
    inbox = Inbox(place)
    assert [(each["at"], each["tries"]) for each in shown(inbox)] == [(1.0, 1)]
    inbox.close()


def test_it_forgets_when_told(inbox: Inbox, place: Path) -> None:
    post(inbox, webhook_id="msg_1")
    assert ask(inbox, "DELETE").status == 204
    assert shown(inbox) == []
    post(inbox, webhook_id="msg_1")
    assert shown(inbox)[0]["tries"] == 1
