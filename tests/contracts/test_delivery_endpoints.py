"""The sender and many endpoints: a bad one delays no other, a resting one gets nothing, a rate is kept."""

import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

from lamppost.delivery import transfer
from lamppost.delivery.answer import Answer
from lamppost.delivery.breaker import Limits
from lamppost.delivery.endpoints import Endpoints
from lamppost.delivery.sending import Post, send
from lamppost.delivery.simulator.running import running
from lamppost.delivery.vetting import Allowances
from tests.contracts.test_delivery_sending import LOOPBACK, post_all, post_one, raw, reset, says, silent
from tests.receiver import Received, Reply, receiver

# libcurl's own bound.
SIX_HOURS = 6 * 3600


def test_a_dead_endpoint_before_all_others_takes_none_of_their_slots() -> None:
    with raw(silent) as dead, receiver() as hook:
        posts = [*(Post(dead, b"{}") for _ in range(200)), *(Post(hook.url, b"{}") for _ in range(200))]
        answers = send(posts, deadline=time.monotonic() + 1.9, allowed=LOOPBACK, timeout=1, in_flight=20)
    assert {answer and answer.status for answer in answers[200:]} == {200}
    assert 0 < len([answer for answer in answers[:200] if answer]) <= 40


def test_many_dead_endpoints_take_none_of_a_good_ones_slots() -> None:
    with raw(silent) as dead, receiver() as hook:
        posts = [Post(f"{dead}/{n % 9}", b"{}") for n in range(180)] + [Post(hook.url, b"{}")] * 100
        answers = send(posts, deadline=time.monotonic() + 2.9, allowed=LOOPBACK, timeout=2, in_flight=20)
    assert {answer and answer.status for answer in answers[180:]} == {200}


def test_a_failing_endpoint_is_left_alone_for_a_while_and_tried_after() -> None:
    endpoints = Endpoints(Limits(failures=5, concurrency=5, rest=60))
    with receiver() as hook, receiver() as other:
        hook.always(500)
        posts = [Post(url, b"{}") for url in (hook.url, other.url) for _ in range(50)]

        def go() -> list[Answer | None]:
            return send(posts, deadline=time.monotonic() + 20, allowed=LOOPBACK, endpoints=endpoints)

        def heard(answers: list[Answer | None]) -> list[str | int | None]:
            return [answer and (answer.error or answer.status) for answer in answers]

        first = heard(go())
        assert first[50:] == [200] * 50
        assert 5 <= first[:50].count(500) <= 9
        assert first[:50].count("E_OPEN") == 50 - first[:50].count(500)
        asked = len(hook.requests)

        assert heard(go()) == ["E_OPEN"] * 50 + [200] * 50
        assert len(hook.requests) == asked

        hook.always(200)
        endpoints.standing(hook.url).until = time.time() - 1
        assert heard(go()) == [200] * 100


def test_what_was_held_back_says_how_long() -> None:
    endpoints = Endpoints(Limits(concurrency=1))
    with receiver() as hook:
        hook.always(429, retry_after="30")
        answers = send(
            [Post(hook.url, b"{}")] * 4, deadline=time.monotonic() + 20, allowed=LOOPBACK, endpoints=endpoints
        )
    assert len(hook.requests) == 1
    assert [answer and answer.status for answer in answers] == [429, None, None, None]
    for answer in answers[1:]:
        assert answer is not None
        assert timedelta(seconds=25) < answer.retry_after <= timedelta(seconds=30)


def test_a_refused_address_does_not_count_against_other_endpoints() -> None:
    endpoints = Endpoints(Limits(failures=1))
    with receiver() as hook:
        posts = [Post("https://127.0.0.1/h", b"{}"), Post(hook.url, b"{}")]
        target = hook.url.removeprefix("http://").partition("/")[0]
        answers = send(
            posts,
            deadline=time.monotonic() + 20,
            allowed=Allowances(frozenset({target})),
            endpoints=endpoints,
        )
    assert [answer and (answer.error or answer.status) for answer in answers] == ["E_INVALID_TARGET", 200]


def test_a_name_of_the_services_own_gathers_urls_into_one_endpoint() -> None:
    endpoints = Endpoints(Limits(failures=1, concurrency=1))
    with receiver() as hook:
        hook.always(500)
        posts = [Post(f"{hook.url}/{n}", b"{}", endpoint="shop 7") for n in range(5)]
        answers = send(posts, deadline=time.monotonic() + 20, allowed=LOOPBACK, endpoints=endpoints)
    assert [answer and answer.error for answer in answers] == ["", *["E_OPEN"] * 4]
    assert list(endpoints.open(time.time())) == ["shop 7"]


def test_no_more_than_were_granted_are_under_way_at_once() -> None:
    lock, under_way, most = threading.Lock(), 0, 0

    def answer(_: Received) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        threading.Event().wait(0.005)
        with lock:
            under_way -= 1
        return Reply()

    with receiver() as hook:
        hook.answer = answer
        send(
            [Post(hook.url, b"{}")] * 40,
            deadline=time.monotonic() + 20,
            allowed=LOOPBACK,
            endpoints=Endpoints(Limits(concurrency=3)),
        )
    assert most == 3


def test_a_rate_is_kept_and_what_it_leaves_no_time_for_is_not_begun() -> None:
    endpoints = Endpoints(Limits(rate=0.5, burst=4))
    with receiver() as hook, receiver() as other:
        posts = [*(Post(hook.url, b"{}") for _ in range(10)), *(Post(other.url, b"{}", endpoint="b"),) * 2]
        answers = send(posts, deadline=time.monotonic() + 3, allowed=LOOPBACK, timeout=2, endpoints=endpoints)
    assert [bool(answer) for answer in answers] == [*[True] * 4, *[False] * 6, True, True]


def test_a_rate_lets_all_go_where_there_is_time() -> None:
    with receiver() as hook:
        started = time.monotonic()
        answers = send(
            [Post(hook.url, b"{}")] * 5,
            deadline=time.monotonic() + 20,
            allowed=LOOPBACK,
            endpoints=Endpoints(Limits(rate=20)),
        )
    assert [answer and answer.status for answer in answers] == [200] * 5
    # The first goes at once, the other four every 50 ms: never faster, whatever the machine.
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    "header", [("x-a", "b\r\nx-evil: c"), ("x-a\r\nx-evil", "c"), ("x-a", "é"), ("x-a", "\x00")]
)
def test_a_header_cannot_bring_another_along(header: tuple[str, str]) -> None:
    with receiver() as hook:
        (answer,) = post_all(Post(hook.url, b"{}", (header,)))
        assert answer is not None
        assert answer.error == "E_INVALID_TARGET"
        assert hook.requests == []


def test_a_header_without_a_value_is_sent_as_one() -> None:
    with receiver() as hook:
        post_all(Post(hook.url, b"{}", (("x-empty", ""),)))
        assert hook.requests[0].headers["x-empty"] == ""


@pytest.mark.parametrize("line", [b"x-a: b\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_headers_without_end_are_cut(line: bytes) -> None:
    def endless(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\n" if line.startswith(b"x") else b"")
        while True:
            peer.sendall(line * 100)

    with raw(endless) as url:
        answer = post_one(url)
    assert (answer.status, answer.error) == (None, "E_RESPONSE")


def test_a_zipped_bomb_stays_zipped() -> None:
    bomb = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 22\r\n\r\n\x1f\x8b" + b"\x00" * 20
    with raw(says(bomb)) as url:
        answer = post_one(url)
    assert (answer.status, answer.head[:2]) == (200, b"\x1f\x8b")


def test_the_first_500_bytes_of_an_answer_are_kept() -> None:
    with receiver() as hook:
        hook.answer = lambda _: Reply(500, body=b"x" * 5000)
        assert post_one(hook.url).head == b"x" * 500 == b"x" * transfer.HEAD_BYTES


def test_a_receiver_that_echoes_our_headers_gets_no_secret_into_the_log() -> None:
    secrets = (
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1a," + "A" * 86 + "=="),
        ("Authorization", "Bearer " + "s3cret-token." * 40),
    )
    with receiver() as hook:
        hook.answer = lambda seen: Reply(400, body=repr(dict(seen.headers)).encode())
        (answer,) = post_all(Post(hook.url, b"{}", secrets))
    assert answer is not None
    assert b"[...]" in answer.head
    assert b"g0hM9" not in answer.head
    assert b"AAAA" not in answer.head
    assert b"s3cret" not in answer.head


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("Wed, 01 Jan 2110 00:00:00 GMT", SIX_HOURS, SIX_HOURS),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0, 0),
        ("Sun Nov  6 08:49:37 1994", 0, 0),
        ("1e9", 0, SIX_HOURS),
        ("0x10", 0, SIX_HOURS),
        ("120, 240", 0, SIX_HOURS),
        ("-" + "9" * 5000, 0, SIX_HOURS),
        ("9" * 5000, 0, SIX_HOURS),
        ("Wed, 01 Jan 99999999 00:00:00 GMT", 0, SIX_HOURS),
    ],
)
def test_a_retry_after_of_any_kind_is_a_wait_within_bounds(header: str, least: int, most: int) -> None:
    with receiver() as hook:
        hook.always(503, retry_after=header)
        answer = post_one(hook.url)
    assert answer.status == 503
    assert timedelta(seconds=least) <= answer.retry_after <= timedelta(seconds=most)


def test_a_connection_lost_to_a_dead_peer_is_made_anew() -> None:
    """A kept connection that the receiver closed in the meantime costs no attempt."""
    once = says(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    def talk(peer: socket.socket) -> None:
        once(peer)
        reset(peer)

    with raw(talk) as url:
        assert [post_one(url).status for _ in range(3)] == [200, 200, 200]


MANY = """
import collections, resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))  # a Lambda sandbox's
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances
for round in "ab":
    hosts = [f"{round}{number}.localhost:{sys.argv[1]}" for number in range(600)]
    answers = send(
        [Post(f"http://{host}/ok", b"{}") for host in hosts],
        deadline=time.monotonic() + 90, allowed=Allowances(frozenset(hosts)), timeout=45, connect=45,
    )
    print(collections.Counter(answer and (answer.status or answer.error) for answer in answers))
"""


def test_connections_kept_from_one_call_leave_descriptors_for_the_next() -> None:
    with running() as simulator:
        port = simulator.url.rsplit(":", 1)[1].strip("/")
        done = subprocess.run([sys.executable, "-c", MANY, port], check=True, capture_output=True, text=True)
    assert done.stdout == "Counter({200: 600})\n" * 2
