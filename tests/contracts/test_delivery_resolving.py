"""Names that resolve to what a webhook must not reach: each connection is judged, whatever was said before.

127.0.0.1 with the receiver's port plays the public internet, every other address the inside.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pycurl
import pytest

from lamppost.delivery import vetting
from lamppost.delivery.answer import Answer
from lamppost.delivery.transfer import Transfer
from lamppost.delivery.vetting import Allowances
from tests.contracts.test_delivery_sending import post_one, raw, says
from tests.receiver import Receiver, receiver

PUBLIC = "127.0.0.1"
Resolve = Callable[[str], None]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A host of this test alone: libcurl remembers what it was told of one."""
    return f"t{abs(hash(request.node.nodeid))}.example"


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch, name: str) -> Resolve:
    """Say what `name` resolves to, from the next post on."""
    load = Transfer.load
    told: list[str] = []

    def loaded(self: Transfer, url: str, *rest: Any, **named: Any) -> None:
        load(self, url, *rest, **named)
        self.curl.setopt(pycurl.RESOLVE, [f"-{name}:{port(url)}", f"{name}:{port(url)}:{told[-1]}"])

    monkeypatch.setattr(Transfer, "load", loaded)
    # The text of an http:// URL would be refused before anybody resolves it.
    monkeypatch.setattr(vetting, "url_refusal", lambda *_: None)
    return told.append


def port(url: str) -> str:
    return url.split(":")[2].partition("/")[0]


def post(url: str, name: str) -> Answer:
    return post_one(
        url.replace(PUBLIC, name), allowed=Allowances(frozenset({f"{PUBLIC}:{port(url)}"})), timeout=3
    )


def test_a_name_that_leads_to_the_internet_is_reached(hook: Receiver, name: str, resolve: Resolve) -> None:
    resolve(PUBLIC)
    assert post(hook.url, name).status == 200
    assert hook.requests[0].headers["host"].startswith(name)


INSIDE = [
    "127.0.0.2", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::1]", "[::ffff:10.0.0.1]",
    "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::1]", "[fd00:ec2::254]",
]  # fmt: skip


@pytest.mark.parametrize("inside", INSIDE)
def test_a_public_name_with_an_inner_address_is_not_reached(
    hook: Receiver, name: str, resolve: Resolve, inside: str
) -> None:
    resolve(inside)
    answer = post(hook.url, name)
    assert (answer.status, answer.error) == (None, "E_INVALID_TARGET")
    assert "resolves to" in answer.why
    assert hook.requests == []


def test_a_bad_address_before_a_good_one_fails_the_post(hook: Receiver, name: str, resolve: Resolve) -> None:
    resolve(f"10.0.0.1,{PUBLIC}")
    assert post(hook.url, name).error == "E_INVALID_TARGET"
    assert hook.requests == []


def test_a_bad_address_after_a_good_one_is_never_met(hook: Receiver, name: str, resolve: Resolve) -> None:
    resolve(f"{PUBLIC},10.0.0.1")
    assert post(hook.url, name).status == 200


def test_a_good_address_that_does_not_answer_leads_to_no_bad_one(name: str, resolve: Resolve) -> None:
    with raw(says(b"")) as url:
        pass
    resolve(f"{PUBLIC},10.0.0.1")
    assert post(url, name).error in ("E_INVALID_TARGET", "E_REFUSED")


def test_a_name_that_resolves_otherwise_the_second_time_is_refused_then(name: str, resolve: Resolve) -> None:
    with raw(says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")) as url:
        resolve(PUBLIC)
        assert post(url, name).status == 200
        resolve("10.0.0.1")
        assert post(url, name).error == "E_INVALID_TARGET"
        resolve(PUBLIC)
        assert post(url, name).status == 200
