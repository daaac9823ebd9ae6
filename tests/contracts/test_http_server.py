"""The local HTTP server on a socket: what it refuses, in which order, and that the caller hears it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from lamppost.local.http import Limits, Request, Response, Server, serve
from tests.wire import Line, request

LIMITS = Limits(head=1000, body=10_000, arrival=0.3)


class Running:
    """A server on a loop of its own; `seen` are the requests that reached its handler."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.answer: Callable[[Request], Response] = lambda _: Response(200, {}, b"fine")
        self._loop = asyncio.new_event_loop()
        self.held: threading.Event | None = None
        self.failures: list[object] = []
        self._loop.set_exception_handler(lambda _, context: self.failures.append(context))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._server: Server = self._run(serve(self._handle, limits=LIMITS))
        self.url = f"http://127.0.0.1:{self._server.port}"

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _handle(self, got: Request) -> Response:
        self.seen.append(got)
        if self.held is not None:
            await asyncio.to_thread(self.held.wait, 10)
        return self.answer(got)

    def close(self) -> None:
        self._run(self._server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture
def server() -> Iterator[Running]:
    running = Running()
    yield running
    running.close()
    assert running.failures == []


@pytest.fixture
def line(server: Running) -> Iterator[Line]:
    opened = Line(server.url, patience=10)
    yield opened
    opened.close()


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"

MALFORMED = {
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths the other way": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "the same length twice": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nabcde",
    "a length with a plus": HEAD + b"Content-Length: +5\r\n\r\nabcde",
    "a length below zero": HEAD + b"Content-Length: -5\r\n\r\nabcde",
    "a length in hexadecimal": HEAD + b"Content-Length: 0x5\r\n\r\nabcde",
    "a length beyond 64 bits": HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nabcde",
    "a length that is empty": HEAD + b"Content-Length:\r\n\r\nabcde",
    "a length in letters": HEAD + b"Content-Length: five\r\n\r\nabcde",
    "chunked is not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "two encodings": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an unknown encoding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than it says": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "a chunk below zero": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a lone CR in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n",
    "a lone LF in a header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a header with a space in its name": b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nXY\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a space before the first header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "NUL in the target": b"GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab in the target": b"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n",
    "raw UTF-8 in the target": "GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "raw Latin-1 in the target": b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
    "no target": b"GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "no version": b"GET /\r\nHost: a\r\n\r\n",
    "version 2.0 in words": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "version 9.9": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "another protocol": b"GET / HTTQ/1.1\r\nHost: a\r\n\r\n",
    "HTTP/2 itself": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an unknown method": b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=list(MALFORMED))
def test_what_the_wire_cannot_mean_is_refused_and_reaches_no_handler(
    server: Running, line: Line, raw: bytes
) -> None:
    heard = line.say(raw).hear()
    assert (heard.status, heard.json["code"]) == (400, "malformed_request")
    assert heard.headers["connection"] == "close"
    assert line.is_over()
    assert server.seen == []


def test_a_body_longer_than_declared_is_another_request_and_none(server: Running, line: Line) -> None:
    line.say(HEAD + b"Content-Length: 5\r\n\r\n" + b"a" * 50)
    assert line.hear().status == 200
    assert line.hear().status == 400
    assert line.is_over()
    assert [got.body for got in server.seen] == [b"aaaaa"]


def test_a_body_that_never_comes_ends_in_a_408(server: Running, line: Line) -> None:
    heard = line.say(HEAD + b"Content-Length: 5000\r\n\r\nhello").hear()
    assert (heard.status, heard.json["code"]) == (408, "request_timeout")
    assert line.is_over()
    assert server.seen == []


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /", HEAD + b"Content-Length: 50\r\n\r\n"]
)
def test_who_sends_a_byte_now_and_then_gets_no_more_time_for_it(
    server: Running, line: Line, start: bytes
) -> None:
    """One timer for the whole request: a byte before it rings does not wind it again."""
    line.say(start)
    done = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not done.wait(0.05):
                line.say(b"x")

    threading.Thread(target=drip, daemon=True).start()
    heard = line.hear()
    done.set()
    assert (heard.status, heard.json["code"]) == (408, "request_timeout")
    assert server.seen == []


def test_half_a_second_request_ends_in_a_408_too(line: Line) -> None:
    line.say(request("GET", "/") + b"GET / HT")
    assert line.hear().status == 200
    assert line.hear().status == 408


def test_who_hangs_up_in_the_middle_hears_why_at_once(server: Running, line: Line) -> None:
    heard = line.say(HEAD + b"Content-Length: 5000\r\n\r\nhello").end().hear()
    assert heard.status == 400
    assert line.is_over()
    assert server.seen == []


def test_who_has_said_everything_may_hang_up_and_listen(server: Running, line: Line) -> None:
    server.held = threading.Event()
    line.say(request("GET", "/")).end()
    server.held.set()
    assert line.hear().body == b"fine"
    assert line.is_over()


def test_a_body_that_is_too_large_by_its_own_word_is_refused_while_it_is_still_sent(
    server: Running, line: Line
) -> None:
    # The refusal comes after the head: a library that fails while it sends never reads it.
    line.socket.sendall(HEAD + b"Content-Length: 3000000\r\n\r\n")
    for _ in range(30):
        line.socket.sendall(b"a" * 100_000)
    heard = line.hear()
    assert (heard.status, heard.json["code"]) == (413, "body_too_large")
    assert server.seen == []


def test_a_chunked_body_that_grows_too_large_is_refused(server: Running, line: Line) -> None:
    chunk = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    heard = line.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 3).hear()
    assert heard.status == 413
    assert server.seen == []


def test_a_body_at_the_limit_is_taken(server: Running, line: Line) -> None:
    assert line.say(HEAD + b"Content-Length: 10000\r\n\r\n" + b"a" * 10_000).hear().status == 200
    assert len(server.seen[0].body) == 10_000


@pytest.mark.parametrize(
    ("begin", "more"),
    [(b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a"), (b"GET /", b"a"), (b"GET / HTTP/1.1\r\n", b"X: a\r\n")],
    ids=["header", "target", "headers"],
)
def test_a_head_without_an_end_is_refused_before_it_is_kept(line: Line, begin: bytes, more: bytes) -> None:
    heard = line.say(begin + more * 1100).hear()
    assert (heard.status, heard.json["code"]) == (431, "head_too_large")


def test_chunks_with_more_wrapping_than_body_are_refused(line: Line) -> None:
    wrapped = b"1;" + b"x" * 5_000 + b"\r\na\r\n"
    assert line.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + wrapped * 3).hear().status == 413


def test_a_trailer_is_no_header(server: Running, line: Line) -> None:
    line.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nAuthorization: me\r\nHost: b\r\n\r\n")
    assert line.hear().status == 200
    assert server.seen[0].headers == {"host": "a", "transfer-encoding": "chunked"}


def test_the_name_in_a_whole_url_outweighs_the_host(server: Running, line: Line) -> None:
    line.say(request("GET", "http://evil.example/a?b=c", host="127.0.0.1")).hear()
    (got,) = server.seen
    assert (got.path, got.query, got.headers["host"]) == ("/a", "b=c", "evil.example")


def test_answers_come_in_the_order_of_the_requests(server: Running, line: Line) -> None:
    server.answer = lambda got: Response(200, {}, got.path.encode())
    line.say(b"".join(request("GET", f"/{n}") for n in range(20)))
    assert [line.hear().body for _ in range(20)] == [f"/{n}".encode() for n in range(20)]


def test_a_connection_ends_after_the_answer_when_asked(line: Line) -> None:
    heard = line.say(request("GET", "/", {"Connection": "close"})).hear()
    assert heard.headers["connection"] == "close"
    assert line.is_over()


def test_an_expectation_is_met_before_the_body_comes(server: Running, line: Line) -> None:
    line.say(HEAD + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    line.socket.settimeout(10)
    assert line.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert line.say(b"hello").hear().status == 200
    assert server.seen[0].body == b"hello"


def test_a_body_too_large_is_not_even_asked_for(line: Line) -> None:
    line.say(HEAD + b"Content-Length: 10001\r\nExpect: 100-continue\r\n\r\n")
    assert line.hear().status == 413


def test_a_header_cannot_end_its_line(server: Running, line: Line) -> None:
    server.answer = lambda _: Response(200, {"x-a": "b\r\nx-c: d", "x\r\nx-e": "f"}, b"", ("a=1\r\nx-g: h",))
    heard = line.say(request("GET", "/")).hear()
    assert heard.headers["x-a"] == "b  x-c: d"
    assert heard.cookies == ["a=1  x-g: h"]
    assert not {"x-c", "x-e", "x-g"} & set(heard.headers)


@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_a_head_request_is_answered_without_a_body(server: Running, line: Line, status: int) -> None:
    server.answer = lambda _: Response(status, {}, b"a body")
    line.say(request("HEAD", "/") + request("GET", "/"))
    assert line.hear("HEAD").body == b""
    assert line.hear().status == status


def test_a_caller_that_vanishes_while_it_is_served_harms_nobody(server: Running) -> None:
    server.held = threading.Event()
    gone = Line(server.url)
    gone.say(request("GET", "/"))
    gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    gone.close()
    server.held.set()
    line = Line(server.url)
    assert line.say(request("GET", "/")).hear().status == 200
    line.close()


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_upgrade_is_declined_by_serving_as_if_none_were_asked(
    server: Running, line: Line, protocol: str
) -> None:
    wish = {"Connection": "Upgrade", "Upgrade": protocol}
    line.say(request("POST", "/a", wish, b"hello") + request("GET", "/b", wish) + request("GET", "/c"))
    assert [line.hear().status for _ in range(3)] == [200, 200, 200]
    assert [(got.path, got.body) for got in server.seen] == [("/a", b"hello"), ("/b", b""), ("/c", b"")]


def test_an_old_client_needs_no_host(server: Running, line: Line) -> None:
    assert line.say(b"GET / HTTP/1.0\r\n\r\n").hear().status == 200
    assert line.is_over()
