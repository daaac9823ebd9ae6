"""Posting many messages at once, to one endpoint or to many, so that a bad one delays no other.

A CurlMulti keeps connections open between calls, so a warm worker greets a thousand people over
connections it already has. Each thread has its own: libcurl lets two use none at once.
"""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pycurl

from lamppost.delivery import vetting
from lamppost.delivery.answer import Answer
from lamppost.delivery.endpoints import Endpoints
from lamppost.delivery.guard import Guard
from lamppost.delivery.lanes import Lane, Lanes
from lamppost.delivery.transfer import HEAD_BYTES, Transfer
from lamppost.delivery.vetting import Allowances
from lamppost.observe import trace

if TYPE_CHECKING:
    from lamppost.observe.spans import Span

__all__ = ["CONNECT", "HEAD_BYTES", "IN_FLIGHT", "TIMEOUT", "Post", "send"]

# A Lambda sandbox has 1,024 file descriptors.
IN_FLIGHT = 900
# Seconds from the name lookup to the last byte, and to the end of the TLS handshake.
TIMEOUT = 10.0
CONNECT = 5.0
# A receiver that shares its cores with others is away for some milliseconds now and then.
_STEP_SECONDS = 0.01
_STEP_WAIT_MS = 10
_IDLE_WAIT_MS = 50


class Post(msgspec.Struct, frozen=True, gc=False):
    """One message on its way: `headers` beside content-type and what HTTP itself needs.

    `endpoint` names whose limits it counts against; the URL, when it is left out.
    """

    url: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    endpoint: str = ""


def send(
    posts: Sequence[Post],
    *,
    deadline: float,
    allowed: Allowances,
    timeout: float = TIMEOUT,
    connect: float = CONNECT,
    in_flight: int = IN_FLIGHT,
    endpoints: Endpoints | None = None,
) -> list[Answer | None]:
    """Post each message once; the answers stand in the order of `posts`.

    `deadline` is an instant of `time.monotonic()`; a message is only begun when its whole `timeout`
    (seconds, from name lookup to last header) fits before it. None means: never begun, not an attempt.
    The endpoints take turns, each on its share of `in_flight`. With `endpoints` their limits hold, and
    what one of them held back is answered with E_OPEN: not an attempt either.
    Redirects are not followed, proxies of the environment are not used.
    """
    answers: list[Answer | None] = [None] * len(posts)
    refusals: dict[str, str | None] = {}
    fit: list[tuple[int, str]] = []
    for number, post in enumerate(posts):
        if post.url not in refusals:
            refusals[post.url] = vetting.url_refusal(post.url, allowed)
        reason = refusals[post.url] or _header_refusal(post)
        if reason is None:
            fit.append((number, post.endpoint or post.url))
        else:
            answers[number] = Answer(None, "E_INVALID_TARGET", reason)
    lanes = Lanes(fit, in_flight=min(in_flight, IN_FLIGHT), endpoints=endpoints, now=time.time())
    _Round(posts, answers, lanes, allowed=allowed, timeout=timeout, connect=connect).run(deadline)
    for number, left in lanes.held:
        answers[number] = Answer(None, "E_OPEN", "the endpoint rests after failures", timedelta(seconds=left))
    return answers


def _header_refusal(post: Post) -> str | None:
    text = "".join(chain.from_iterable(post.headers))
    # A line break would begin a header, or a request, of somebody else's making.
    return None if text.isascii() and text.isprintable() else "a header holds more than visible ASCII"


class _Lines(threading.local):
    """What a thread keeps between calls: its connections, and handles that are free."""

    def __init__(self) -> None:
        self.multi = pycurl.CurlMulti()
        self.multi.setopt(pycurl.M_MAXCONNECTS, IN_FLIGHT)
        # Of connections kept from the last call, as many close as this one needs descriptors.
        self.multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, IN_FLIGHT)
        self.spare: list[Transfer] = []


_lines = _Lines()


class _Round:
    """One call of `send`: which transfers run, and which come next."""

    def __init__(
        self, posts: Sequence[Post], answers: list[Answer | None], lanes: Lanes, *,
        allowed: Allowances, timeout: float, connect: float,
    ) -> None:  # fmt: skip
        self.posts, self.answers, self.lanes = posts, answers, lanes
        self.allowed, self.timeout, self.connect = allowed, timeout, connect
        self.multi, self.spare = _lines.multi, _lines.spare
        self.running: dict[Transfer, Lane] = {}
        self.guards: dict[str, Guard] = {}
        self.spans: dict[int, Span] = {}
        # Of posts that are no span: they leave from where we are.
        self.traced = trace.headers()

    def run(self, deadline: float) -> None:
        try:
            widened = time.monotonic()
            while True:
                now = time.monotonic()
                if now + self.timeout > deadline:
                    self.lanes.drop()
                elif now - widened >= _STEP_SECONDS:
                    self.lanes.widen()
                    widened = now
                self._fill()
                if not self.running:
                    if self._over(deadline):
                        return
                    continue
                self.multi.perform()
                if not self._collect():
                    self.multi.select((_STEP_WAIT_MS if self.lanes.waiting else _IDLE_WAIT_MS) / 1000)
        finally:
            for transfer in self.running:
                # Only when something raised: a handle left in the multi would poison the next call.
                self.multi.remove_handle(transfer.curl)

    def _over(self, deadline: float) -> bool:
        """Whether nothing is left; else waits until a rate lets the next post go."""
        wait = self.lanes.asleep(time.time())
        if wait is None:
            return True
        if time.monotonic() + wait + self.timeout > deadline:
            return True
        time.sleep(wait)
        return False

    def _fill(self) -> None:
        lanes, now = self.lanes, time.time()
        lanes.wake(now)
        while (taken := lanes.take(now)) is not None:
            lane, number = taken
            post = self.posts[number]
            guard = self.guards.get(post.url)
            if guard is None:
                guard = self.guards[post.url] = Guard(post.url, self.allowed)
            transfer = self.spare.pop() if self.spare else Transfer()
            transfer.number = number
            transfer.load(
                post.url, post.body, post.headers, guard,
                traced=self._begin(number), timeout=self.timeout, connect=self.connect,
            )  # fmt: skip
            self.running[transfer] = lane
            self.multi.add_handle(transfer.curl)

    def _collect(self) -> int:
        count, now = 0, time.time()
        while True:
            left, succeeded, failed = self.multi.info_read()
            for curl in succeeded:
                self._finish(curl.transfer, 0, "", now)
            for curl, code, why in failed:
                self._finish(curl.transfer, code, why, now)
            count += len(succeeded) + len(failed)
            if not left:
                return count

    def _finish(self, transfer: Transfer, code: int, why: str, now: float) -> None:
        self.multi.remove_handle(transfer.curl)
        lane = self.running.pop(transfer)
        answer = self.answers[transfer.number] = transfer.answer(code, why)
        self.lanes.back(lane, answer, now)
        if self.spans:
            self._end(self.spans.pop(transfer.number, None), answer)
        self.spare.append(transfer)

    def _begin(self, number: int) -> list[tuple[str, str]]:
        """The headers that tell the receiver which trace it is in: at its own span, where spans are kept."""
        if trace.recording is None:
            return self.traced
        span = trace.recording.begin(_name(self.posts[number].url), "webhook", {})
        if span is None:
            return self.traced
        self.spans[number] = span
        return trace.headers(trace.recording.place()._replace(span_id=span.id))

    def _end(self, span: "Span | None", answer: Answer) -> None:
        if span is None:
            return
        span.end = time.time_ns()
        span.error = answer.error or ("" if answer.status and answer.status < 400 else str(answer.status))
        if answer.status is not None:
            span.fields["status"] = answer.status


@lru_cache(maxsize=256)
def _name(url: str) -> str:
    # The host alone: the path of a webhook's URL is often its password.
    return f"POST {urlsplit(url).hostname or ''}"
