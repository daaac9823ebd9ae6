"""The sender against real sockets: what it sends, what it makes of any answer, whom it refuses to meet."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lamppost.delivery import sending, vetting
from lamppost.delivery.answer import Answer
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances
from tests.receiver import Receiver, Reply, receiver

LOOPBACK = Allowances(loopback=True)


def post_all(*posts: Post, allowed: Allowances = LOOPBACK, timeout: float = 5) -> list[Answer | None]:
    return send(posts, deadline=time.monotonic() + 2 * timeout, allowed=allowed, timeout=timeout)


def post_one(url: str, body: bytes = b"{}", allowed: Allowances = LOOPBACK, timeout: float = 5) -> Answer:
    (answer,) = post_all(Post(url, body), allowed=allowed, timeout=timeout)
    assert answer is not None
    return answer


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that hands each accepted connection to `talk`; the URL it listens at."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(peer,), daemon=True).start()

    def attend(peer: socket.socket) -> None:
        with peer:
            try:
                talk(peer)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/h"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    peer.close()


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def test_body_and_headers_arrive_as_given(hook: Receiver) -> None:
    answer = post_all(Post(hook.url, b'{"a":1}', (("webhook-id", "msg_1"), ("X-Idempotency-Key", "msg_1"))))[
        0
    ]
    assert answer is not None
    assert (answer.status, answer.error, answer.head) == (200, "", b"ok")
    (request,) = hook.requests
    assert request.body == b'{"a":1}'
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["x-idempotency-key"] == "msg_1"
    assert "expect" not in request.headers
    assert "accept-encoding" not in request.headers


def test_answers_stand_in_the_order_of_the_posts(hook: Receiver) -> None:
    hook.answer = lambda request: Reply(200 + int(request.body))
    answers = post_all(*(Post(hook.url, str(n).encode()) for n in range(90)))
    assert [answer and answer.status for answer in answers] == [200 + n for n in range(90)]


def test_threads_send_at_the_same_time_and_each_hears_its_own(hook: Receiver) -> None:
    all_asked = threading.Barrier(4, timeout=30)

    def echo(request: Any) -> Reply:
        all_asked.wait()
        return Reply(200, body=request.body)

    hook.answer = echo

    def talk(name: int) -> list[bytes]:
        heard = []
        for turn in range(20):
            body = f'"{name} {turn}"'.encode()
            answer = post_one(hook.url, body)
            assert answer.head == body
            heard.append(answer.head)
        return heard

    with ThreadPoolExecutor(4) as threads:
        assert sum(map(len, threads.map(talk, range(4)))) == 80


@pytest.mark.parametrize("status", [204, 299, 400, 404, 410, 429, 500, 503])
def test_a_status_is_reported_as_it_is(hook: Receiver, status: int) -> None:
    hook.answer = lambda _: Reply(status, body=b"")
    assert post_one(hook.url).status == status


def test_a_redirect_is_an_answer_and_not_followed(hook: Receiver) -> None:
    with receiver() as other:
        hook.always(302, location=other.url)
        assert post_one(hook.url).status == 302
        assert other.requests == []
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("header", "wait"), [("120", 120), ("-5", 0), ("soon", 0), ("", 0), ("99999999999999999999", 10**9)]
)
def test_retry_after_is_read_when_it_makes_sense(hook: Receiver, header: str, wait: int) -> None:
    hook.always(503, retry_after=header)
    assert post_one(hook.url).retry_after in (timedelta(seconds=wait), timedelta(0))
    if header == "120":
        assert post_one(hook.url).retry_after == timedelta(minutes=2)


def test_a_cookie_is_not_carried_to_the_next_post(hook: Receiver) -> None:
    hook.always(200, set_cookie="a=b")
    post_one(hook.url)
    post_one(hook.url)
    assert "cookie" not in hook.requests[1].headers


def test_a_reused_handle_remembers_nothing_of_the_last_post(hook: Receiver) -> None:
    post_all(Post(hook.url, b"long body", (("webhook-id", "msg_1"),)))
    post_all(Post(hook.url, b"x"))
    assert hook.requests[1].body == b"x"
    assert "webhook-id" not in hook.requests[1].headers


def test_a_body_without_end_is_cut_and_the_status_counts() -> None:
    def endless(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x" * 65536)

    with raw(endless) as url:
        answer = post_one(url)
    assert answer.status == 200
    assert len(answer.head) <= sending.HEAD_BYTES


def test_a_reset_after_the_headers_does_not_unsay_the_status() -> None:
    def cut(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome")
        reset(peer)

    with raw(cut) as url:
        assert post_one(url).status == 200


def silent(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def drop(peer: socket.socket) -> None:
    peer.recv(65536)


def abort(peer: socket.socket) -> None:
    peer.recv(65536)
    reset(peer)


def says(text: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(text)

    return talk


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (silent, "E_TIMEOUT"),
        (drop, "E_RESET"),
        (abort, "E_RESET"),
        (says(b"HTTP/1.1 OK 200\r\n\r\n"), "E_RESPONSE"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "E_RESPONSE"),
        (says(b"HTTP/1.1 200 OK\r\nhalf-a-hea"), "E_RESET"),
        (says(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"), "E_RESET"),
    ],
)
def test_what_is_not_an_answer_is_an_error_with_a_name(
    talk: Callable[[socket.socket], None], error: str
) -> None:
    with raw(talk) as url:
        answer = post_one(url, timeout=1)
    assert (answer.status, answer.error) == (None, error)


@pytest.mark.parametrize("bomb", [b"x-a: b\r\n" * 100_000, b"x-a: " + b"b" * 1_000_000 + b"\r\n"])
def test_a_bomb_of_headers_is_not_a_success(bomb: bytes) -> None:
    with raw(says(b"HTTP/1.1 200 OK\r\n" + bomb + b"\r\n")) as url:
        assert post_one(url).status is None


def test_bytes_that_are_not_text_in_headers_do_no_harm() -> None:
    with raw(says(b"HTTP/1.1 200 OK\r\nx-a: \x80\xff\xe9\r\ncontent-length: 0\r\n\r\n")) as url:
        assert post_one(url).status == 200


def test_early_hints_before_the_answer_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
    with raw(says(hints)) as url:
        assert post_one(url).status == 202


def test_a_port_nobody_listens_on_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert post_one(f"http://127.0.0.1:{port}/").error == "E_REFUSED"


def test_a_name_nobody_knows_is_a_failed_attempt() -> None:
    assert post_one("https://nope.invalid/h").error == "E_DNS"


def test_one_dead_endpoint_does_not_hold_up_its_neighbours(hook: Receiver) -> None:
    with raw(silent) as dead:
        posts = [Post(dead if n % 10 == 0 else hook.url, b"{}") for n in range(100)]
        answers = post_all(*posts, timeout=2)
    assert [bool(answer and answer.status) for answer in answers] == [n % 10 != 0 for n in range(100)]
    assert max(answer.latency_ms for answer in answers if answer and answer.status) < 2000


def test_what_cannot_finish_before_the_deadline_is_not_begun(hook: Receiver) -> None:
    answers = send([Post(hook.url, b"{}")], deadline=time.monotonic() + 4, allowed=LOOPBACK, timeout=5)
    assert answers == [None]
    assert hook.requests == []


def test_more_posts_than_may_be_in_flight_all_go_out(hook: Receiver) -> None:
    posts = [Post(hook.url, b"{}") for _ in range(50)]
    answers = send(posts, deadline=time.monotonic() + 20, allowed=LOOPBACK, in_flight=3)
    assert all(answer and answer.status == 200 for answer in answers)
    assert len(hook.requests) == 50


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_loopback_is_not_reached_unless_it_was_opened(hook: Receiver, host: str) -> None:
    answer = post_one(hook.url.replace("127.0.0.1", host), allowed=Allowances())
    assert answer.error == "E_INVALID_TARGET"
    assert hook.requests == []


def test_exactly_the_opened_target_is_reached(hook: Receiver) -> None:
    target = hook.url.removeprefix("http://").partition("/")[0]
    assert post_one(hook.url, allowed=Allowances(frozenset({target}))).status == 200
    with receiver() as other:
        assert post_one(other.url, allowed=Allowances(frozenset({target}))).error == "E_INVALID_TARGET"
        assert other.requests == []


def test_a_public_name_with_a_private_answer_is_stopped_at_the_connection(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The text of the URL passes; the address that "localhost" resolves to must not.
    monkeypatch.setattr(vetting, "url_refusal", lambda *_: None)
    answer = post_one(hook.url.replace("127.0.0.1", "localhost"), allowed=Allowances())
    assert answer.error == "E_INVALID_TARGET"
    assert "resolves to" in answer.why
    assert hook.requests == []


def test_a_connection_that_is_kept_open_is_vetted_again(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post_one(hook.url).status == 200
    monkeypatch.setattr(vetting, "url_refusal", lambda *_: None)
    assert post_one(hook.url, allowed=Allowances()).error == "E_INVALID_TARGET"
    assert len(hook.requests) == 1


def test_a_proxy_in_the_environment_is_not_used(hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post_one(hook.url).status == 200
        assert proxy.requests == []


def test_a_broken_guard_refuses_instead_of_letting_through(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> str:
        raise ValueError("broken")

    monkeypatch.setattr(vetting, "url_refusal", lambda *_: None)
    monkeypatch.setattr(vetting, "refusal", broken)
    assert post_one(hook.url, allowed=Allowances()).error == "E_INVALID_TARGET"
    assert hook.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


@contextmanager
def secure(certificate: tuple[Path, Path]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])

    def talk(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as wrapped:
            wrapped.recv(65536)
            wrapped.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with raw(talk) as url:
        yield int(url.split(":")[2].partition("/")[0])


def test_a_certificate_nobody_vouches_for_is_refused(certificate: tuple[Path, Path]) -> None:
    with secure(certificate) as port:
        assert post_one(f"https://localhost:{port}/h").error == "E_TLS"


TRUSTING = """
import sys, time
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances
posts = [Post(url, b"{}") for url in sys.argv[1:]]
for answer in send(posts, deadline=time.monotonic() + 20, allowed=Allowances(loopback=True)):
    print(answer.status, answer.error)
"""


def test_a_certificate_must_be_for_the_name_in_the_url(certificate: tuple[Path, Path]) -> None:
    with secure(certificate) as port:
        urls = [f"https://localhost:{port}/h", f"https://127.0.0.1:{port}/h"]
        done = subprocess.run(
            [sys.executable, "-c", TRUSTING, *urls],
            env={**os.environ, "SSL_CERT_FILE": str(certificate[1])},
            check=True,
            capture_output=True,
            text=True,
        )
    assert done.stdout.splitlines() == ["200 ", "None E_TLS"]
