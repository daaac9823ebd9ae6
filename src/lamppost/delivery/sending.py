"""Posting many messages at once, with libcurl: the only file that knows it.

One CurlMulti keeps connections open between calls, so a warm worker greets a thousand people
over connections it already has.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pycurl

from lamppost.delivery import authorities, vetting
from lamppost.delivery.answer import Answer
from lamppost.delivery.guard import Guard
from lamppost.delivery.vetting import Allowances
from lamppost.observe import trace

if TYPE_CHECKING:
    from lamppost.observe.spans import Span

# A Lambda sandbox has 1,024 file descriptors.
IN_FLIGHT = 900
TIMEOUT = 10.0
BODY_BYTES = 64 * 1024
HEAD_BYTES = 256
# Connections open in steps while answers are not coming back: a fast receiver is served over
# a few dozen, a slow one over all that are allowed.
STEP = 64
_STEP_SECONDS = 0.003
_STEP_WAIT_MS = 3
_IDLE_WAIT_MS = 50


class Post(msgspec.Struct, frozen=True):
    """One message on its way: `headers` beside content-type and what HTTP itself needs."""

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def send(
    posts: Sequence[Post],
    *,
    deadline: float,
    allowed: Allowances,
    timeout: float = TIMEOUT,
    in_flight: int = IN_FLIGHT,
) -> list[Answer | None]:
    """Post each message once; the answers stand in the order of `posts`.

    `deadline` is an instant of `time.monotonic()`; a message is only begun when its whole `timeout`
    (seconds, from name lookup to last header) fits before it. None means: never begun, not an attempt.
    Redirects are not followed, proxies of the environment are not used.
    """
    answers: list[Answer | None] = [None] * len(posts)
    refusals: dict[str, str | None] = {}
    waiting: deque[int] = deque()
    for number, post in enumerate(posts):
        if post.url not in refusals:
            refusals[post.url] = vetting.url_refusal(post.url, allowed)
        reason = refusals[post.url]
        if reason is None:
            waiting.append(number)
        else:
            answers[number] = Answer(None, "E_INVALID_TARGET", reason)
    _Round(posts, answers, waiting, allowed=allowed, timeout=timeout, in_flight=in_flight).run(deadline)
    return answers


class _Round:
    """One call of `send`: which transfers run, and which come next."""

    def __init__(
        self, posts: Sequence[Post], answers: list[Answer | None], waiting: deque[int], *,
        allowed: Allowances, timeout: float, in_flight: int,
    ) -> None:  # fmt: skip
        self.posts, self.answers, self.waiting = posts, answers, waiting
        self.allowed, self.timeout, self.in_flight = allowed, timeout, in_flight
        self.running: set[_Transfer] = set()
        self.window = min(STEP, in_flight)
        self.spans: dict[int, Span | None] = {}

    def run(self, deadline: float) -> None:
        try:
            stepped = time.monotonic()
            while True:
                now = time.monotonic()
                if now + self.timeout > deadline:
                    self.waiting.clear()
                self._fill()
                if not self.running:
                    return
                _multi.perform()
                done = self._collect()
                if not done and self.waiting and now - stepped >= _STEP_SECONDS:
                    self.window, stepped = min(self.window + STEP, self.in_flight), now
                if not done:
                    _multi.select((_STEP_WAIT_MS if self.waiting else _IDLE_WAIT_MS) / 1000)
        finally:
            for transfer in self.running:
                # Only when something raised: a handle left in the multi would poison the next call.
                _multi.remove_handle(transfer.curl)

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.window:
            number = self.waiting.popleft()
            transfer = _spare.pop() if _spare else _Transfer()
            transfer.load(number, self.posts[number], self.allowed, self.timeout, self._begin(number))
            self.running.add(transfer)
            _multi.add_handle(transfer.curl)

    def _collect(self) -> int:
        count = 0
        while True:
            left, succeeded, failed = _multi.info_read()
            for curl in succeeded:
                self._finish(curl.transfer, 0, "")
            for curl, code, why in failed:
                self._finish(curl.transfer, code, why)
            count += len(succeeded) + len(failed)
            if not left:
                return count

    def _finish(self, transfer: "_Transfer", code: int, why: str) -> None:
        _multi.remove_handle(transfer.curl)
        self.running.discard(transfer)
        answer = self.answers[transfer.number] = transfer.answer(code, why)
        span = self.spans.pop(transfer.number, None)
        if span is not None:
            span.end = time.time_ns()
            span.error = answer.error or ("" if answer.status and answer.status < 400 else str(answer.status))
            if answer.status is not None:
                span.fields["status"] = answer.status
        _spare.append(transfer)

    def _begin(self, number: int) -> list[tuple[str, str]]:
        """The headers that tell the receiver which trace it is in: at its own span, where spans are kept."""
        if trace.recording is None:
            return trace.headers()
        # The host alone: the path of a webhook's URL is often its password.
        name = f"POST {urlsplit(self.posts[number].url).hostname or ''}"
        span = self.spans[number] = trace.recording.begin(name, "webhook", {})
        place = trace.recording.place()
        return trace.headers(place if span is None else place._replace(span_id=span.id))


class _Transfer:
    """A reusable easy handle and the guard that watches its connections."""

    def __init__(self) -> None:
        self.number = 0
        self.refused = ""
        self.head = bytearray()
        self.taken = 0
        self.headers_done = False
        self.guard = Guard("", Allowances())
        self.curl = curl = pycurl.Curl()
        curl.transfer = self
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        # A proxy would hide the address from the guard.
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.NOPROXY, "*")
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        trusted = _authorities()
        if trusted is not None:
            curl.setopt(pycurl.CAINFO, trusted)
        curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        curl.setopt(pycurl.PREREQFUNCTION, self._before_request)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.HEADERFUNCTION, self._header)

    def load(
        self, number: int, post: Post, allowed: Allowances, timeout: float, traced: list[tuple[str, str]]
    ) -> None:
        """Make ready for `post`, the `number`-th of its round. Its own headers win over the trace's."""
        own = {name.lower() for name, _ in post.headers}
        self.number, self.refused, self.taken, self.headers_done = number, "", 0, False
        self.head.clear()
        self.guard = Guard(post.url, allowed)
        self.curl.setopt(pycurl.URL, post.url)
        self.curl.setopt(pycurl.TIMEOUT_MS, int(timeout * 1000))
        self.curl.setopt(pycurl.POSTFIELDSIZE, len(post.body))
        self.curl.setopt(pycurl.COPYPOSTFIELDS, post.body)
        self.curl.setopt(
            pycurl.HTTPHEADER,
            [
                "content-type: application/json",
                "user-agent: lamppost",
                # Else libcurl asks a large body's receiver for "100 Continue" and waits a second for it.
                "expect:",
                *(f"{name}: {value}" for name, value in post.headers),
                *(f"{name}: {value}" for name, value in traced if name not in own),
            ],
        )

    def _open(self, _purpose: int, target: tuple[int, int, int, tuple[object, ...]]) -> object:
        try:
            family, kind, protocol, address = target
            refused = self.guard.refusal(str(address[0]), int(str(address[1])))
            if refused:
                self.refused = refused
                return pycurl.SOCKET_BAD
            return socket.socket(family, kind, protocol)
        except (OSError, ValueError, TypeError, IndexError) as error:
            self.refused = self.refused or f"no socket for it: {error}"
            return pycurl.SOCKET_BAD

    def _before_request(self, peer: str, _mine: str, port: int, _my_port: int) -> int:
        # Runs on reused connections too. One refused address fails the post, even if the next was fine.
        self.refused = self.refused or self.guard.refusal(peer, port)
        verdict: int = pycurl.PREREQFUNC_ABORT if self.refused else pycurl.PREREQFUNC_OK
        return verdict

    def _header(self, line: bytes) -> None:
        # An interim answer (103 Early Hints) ends in a blank line of its own.
        if line.startswith(b"HTTP/"):
            self.headers_done = False
        elif line in (b"\r\n", b"\n"):
            self.headers_done = True

    def _write(self, data: bytes) -> int | None:
        self.taken += len(data)
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        return 0 if self.taken > BODY_BYTES else None

    def answer(self, code: int, why: str) -> Answer:
        """What became of the transfer; `code` is libcurl's, 0 for none."""
        latency = int(self.curl.getinfo(pycurl.TOTAL_TIME) * 1000)
        if self.refused:
            return Answer(None, "E_INVALID_TARGET", self.refused, latency_ms=latency)
        status = self.curl.getinfo(pycurl.RESPONSE_CODE) if self.headers_done else 0
        if status < 200:
            return Answer(None, _ERRORS.get(code, "E_NETWORK"), why[:200], latency_ms=latency)
        # The status decides once the headers are here: a body that is endless, cut or reset changes nothing.
        wait = timedelta(seconds=min(max(self.curl.getinfo(pycurl.RETRY_AFTER), 0), 10**9))
        return Answer(status, retry_after=wait, latency_ms=latency, head=bytes(self.head))


_TOO_LARGE = 100  # CURLE_TOO_LARGE, which pycurl does not name

# To libcurl a connection that ends within the headers ends well (E_OK).
_RESET = (pycurl.E_OK, pycurl.E_GOT_NOTHING, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, pycurl.E_PARTIAL_FILE)
# FTP_WEIRD_SERVER_REPLY is older than its use for HTTP, and pycurl kept the name.
_RESPONSE = (_TOO_LARGE, pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_FTP_WEIRD_SERVER_REPLY)
_TLS = (
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CERTPROBLEM,
    pycurl.E_SSL_CIPHER,
)
_ERRORS = {
    pycurl.E_COULDNT_RESOLVE_HOST: "E_DNS",
    pycurl.E_COULDNT_CONNECT: "E_REFUSED",
    pycurl.E_OPERATION_TIMEDOUT: "E_TIMEOUT",
    pycurl.E_URL_MALFORMAT: "E_INVALID_TARGET",
    **dict.fromkeys(_RESET, "E_RESET"),
    **dict.fromkeys(_RESPONSE, "E_RESPONSE"),
    **dict.fromkeys(_TLS, "E_TLS"),
}


@cache
def _authorities() -> str | None:
    # Asked for at the first post: declaring a service must not read the environment.
    return authorities.file(os.environ)


_multi = pycurl.CurlMulti()
_multi.setopt(pycurl.M_MAXCONNECTS, IN_FLIGHT)
_spare: list[_Transfer] = []
