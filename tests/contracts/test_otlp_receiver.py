"""An OTLP receiver that hangs, trickles, resets or babbles costs spans, and nothing else."""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from lamppost.observe import trace
from lamppost.runtime import otlp, traced
from tests.running import until

HERE = trace.Place("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", True)
TAKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Deed = Callable[["Receiver", socket.socket], None]


class Receiver:
    """A real socket that takes requests, and does its `deed` with each instead of a good answer."""

    def __init__(self, deed: Deed) -> None:
        self.deed = deed
        self.over = threading.Event()
        self.heard: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += caller.recv(65536)
            head, _, body = raw.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            assert length is not None
            while len(body) < int(length[1]):
                body += caller.recv(65536)
            self.heard += named(json.loads(body))
            self.deed(self, caller)

    def end(self) -> None:
        """Let everyone go."""
        self.over.set()
        self._listener.close()


def named(document: dict[str, Any]) -> list[str]:
    (resource,) = document["resourceSpans"]
    (scope,) = resource["scopeSpans"]
    return [span["name"] for span in scope["spans"]]


def well(_: Receiver, caller: socket.socket) -> None:
    caller.sendall(TAKEN)


def hang(receiver: Receiver, _: socket.socket) -> None:
    receiver.over.wait()


def trickle(receiver: Receiver, caller: socket.socket) -> None:
    """A head without an end, a byte now and then."""
    caller.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    while not receiver.over.wait(0.01):
        caller.sendall(b"a")


def flood(receiver: Receiver, caller: socket.socket) -> None:
    """A body without an end, as fast as it goes."""
    caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not receiver.over.is_set():
        caller.sendall(b"a" * 65536)


def reset(_: Receiver, caller: socket.socket) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close(_: Receiver, caller: socket.socket) -> None:
    caller.shutdown(socket.SHUT_WR)


def says(raw: bytes) -> Deed:
    return lambda _, caller: caller.sendall(raw)


GARBAGE = [
    b"\x00\xff\xfe\x16\x03\x01",
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 5000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n\r\nzz\r\n",
    b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n",
]


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Deed], Receiver]]:
    made: list[Receiver] = []
    # One delivery may take this long here, so that a test need not wait for five seconds.
    monkeypatch.setattr(otlp, "WAIT", 0.3)

    def make(deed: Deed) -> Receiver:
        made.append(Receiver(deed))
        monkeypatch.setenv(traced.OTLP, f"http://127.0.0.1:{made[-1].port}")
        otlp._exporter.cache_clear()
        return made[-1]

    yield make
    for each in made:
        each.end()
    otlp._exporter.cache_clear()


def invoke(name: str) -> str:
    """One invocation with a span; what it answered."""
    with traced.Recorded(HERE, name, "invoke", {}, sampled=False), trace.span("step"):
        return f"{name} is done"


def test_who_waits_for_a_receiver_that_never_answers_is_let_go_before_it_gives_up(
    receivers: Callable[[Deed], Receiver],
) -> None:
    receiver = receivers(hang)
    # All of these return although not one delivery has been answered: more than are kept waiting.
    assert all(invoke(f"call {number}") for number in range(otlp.KEPT // 8))
    assert receiver.heard[:2] == ["call 0", "step"]
    assert not receiver.over.is_set()


def test_what_waits_for_a_receiver_is_bounded_and_what_is_lost_is_said(
    receivers: Callable[[Deed], Receiver], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    receivers(hang)
    monkeypatch.setattr(otlp, "WAIT", 30.0)
    monkeypatch.setattr(otlp, "PATIENCE", 0.0)
    for number in range(otlp.KEPT + 10):
        invoke(f"call {number}")
    exporter = otlp._exporter()
    assert exporter is not None
    assert exporter._waiting.qsize() == otlp.KEPT
    assert capsys.readouterr().out.count("trace.dropped") in (9, 10)


@pytest.mark.parametrize(
    "deed", [hang, trickle, flood, reset, close, *map(says, GARBAGE)], ids=lambda deed: deed.__name__
)
def test_whatever_a_receiver_does_the_next_spans_reach_it_when_it_is_well(
    receivers: Callable[[Deed], Receiver], deed: Deed
) -> None:
    receiver = receivers(deed)
    assert invoke("during") == "during is done"
    until(lambda: "during" in receiver.heard)
    receiver.deed = well
    assert invoke("after") == "after is done"
    until(lambda: "after" in receiver.heard)


@pytest.mark.parametrize(
    "endpoint",
    ["", "nonsense", "http://", "http://" + "a" * 70 + ":1", "ftp://127.0.0.1:1", "http://127.0.0.1:1"],
)
def test_an_endpoint_that_is_none_costs_nothing(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv(traced.OTLP, endpoint)
    otlp._exporter.cache_clear()
    try:
        assert [invoke(f"call {number}") for number in range(3)]
    finally:
        otlp._exporter.cache_clear()
