"""The sender against every misbehaviour of a receiver: the right verdict, in time, in little memory.

All are met in one run of a process of its own, three posts each, mixed with posts to a receiver that is well.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import msgspec
import pytest

from lamppost.delivery import verdicts
from lamppost.delivery.answer import Answer
from lamppost.delivery.sending import Post, send
from lamppost.delivery.simulator.behaviours import BEHAVIOURS
from lamppost.delivery.simulator.cases import CASES, Case
from lamppost.delivery.simulator.doors import DOORS
from lamppost.delivery.simulator.running import running
from lamppost.delivery.simulator.server import Simulator
from lamppost.delivery.vetting import Allowances

LOOPBACK = Allowances(loopback=True)
COPIES = 3
# Seconds: on a busy machine an honest handshake takes one or two.
TIMEOUT = 4
MEGABYTE = 1024 * 1024


class Told(msgspec.Struct):
    """What the sending process says: an answer for each URL it was given, and how much it grew (bytes)."""

    answers: list[Answer | None]
    grown: int


SENDING = """
import re, sys, time
from pathlib import Path
import msgspec
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances

def memory(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def post_all(urls):
    posts = [Post(url, b"{}", (("webhook-id", f"msg_{n}"),)) for n, url in enumerate(urls)]
    # Whoever waits for a slot gets one only if those before it are out in time.
    deadline = time.monotonic() + 2 * timeout + 1.5
    return send(posts, deadline=deadline, allowed=loopback, timeout=timeout, in_flight=in_flight)

loopback = Allowances(loopback=True)
timeout, in_flight, slow, urls = msgspec.json.decode(sys.stdin.read())
post_all(slow)
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
answers = post_all(urls)
print(msgspec.json.encode({"answers": answers, "grown": memory("VmHWM") - before}).decode())
"""


def post(receiver: Simulator, urls: list[str], in_flight: int) -> Told:
    """Post to all of `urls`, after as many posts to a receiver that is slow and otherwise well."""
    slow = {"http": f"{receiver.url}/slow/1s", "https": f"{receiver.url_of('tls-ok')}slow/1s"}
    done = subprocess.run(
        [sys.executable, "-c", SENDING],
        input=msgspec.json.encode([TIMEOUT, in_flight, [slow[url.partition(":")[0]] for url in urls], urls]),
        env={**os.environ, "SSL_CERT_FILE": receiver.authority},
        check=True,
        capture_output=True,
    )
    return msgspec.json.decode(done.stdout, type=Told)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Simulator]:
    with running(doors=True) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def told(receiver: Simulator) -> Told:
    urls = [receiver.url_of(case.target) for case in CASES for _ in range(COPIES)]
    return post(receiver, [url for bad in urls for url in (bad, f"{receiver.url}/ok")], len(urls) * 2)


def test_every_behaviour_is_among_the_cases() -> None:
    met = {case.target.partition("/")[0].partition("?")[0] for case in CASES}
    assert met == BEHAVIOURS.keys() | DOORS.keys()
    assert len(CASES) >= 42


@pytest.mark.parametrize("case", CASES, ids=[case.target for case in CASES])
def test_each_behaviour_has_its_verdict(told: Told, case: Case) -> None:
    place = CASES.index(case) * COPIES * 2
    for answer in told.answers[place : place + COPIES * 2 : 2]:
        assert answer is not None
        assert (answer.status, answer.error in case.errors) == (case.status, True), answer
        verdict = verdicts.judge(answer, attempt=1)
        kinds = {"delivered": verdicts.Delivered, "failed": verdicts.Waiting, "disabled": verdicts.Disabled}
        assert isinstance(verdict, kinds[case.verdict])


def test_all_of_them_together_cost_little_memory(told: Told) -> None:
    assert told.grown < 20 * MEGABYTE


def test_the_others_are_served_while_the_bad_ones_hang(told: Told) -> None:
    well = told.answers[1::2]
    assert [answer and answer.status for answer in well] == [200] * len(CASES) * COPIES
    hanging = [
        answer.latency_ms
        for place, case in enumerate(CASES)
        if case.hangs
        for answer in told.answers[place * COPIES * 2 : (place + 1) * COPIES * 2 : 2]
        if answer
    ]
    assert max(answer.latency_ms for answer in well if answer) < min(hanging)


def test_a_slot_is_free_again_by_the_deadline(receiver: Simulator) -> None:
    """All slots are taken by who hangs; who waits behind them is still begun."""
    hanging = [receiver.url_of(case.target) for case in CASES if case.hangs] * 4
    told = post(receiver, hanging + [f"{receiver.url}/ok"] * len(hanging), in_flight=len(hanging))
    assert [answer and answer.status for answer in told.answers[len(hanging) :]] == [200] * len(hanging)


def post_one(url: str, body: bytes = b"{}", **headers: str) -> Answer:
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    (answer,) = send([Post(url, body, fields)], deadline=time.monotonic() + 10, allowed=LOOPBACK, timeout=3)
    assert answer is not None
    return answer


def test_an_answer_nobody_asked_for_is_not_the_next_posts_answer(receiver: Simulator) -> None:
    assert post_one(f"{receiver.url}/answers-twice").status == 500
    assert post_one(f"{receiver.url}/status/503").status == 503


def test_what_a_redirect_points_to_is_left_alone(receiver: Simulator) -> None:
    with running() as other:
        for code in (301, 302, 303, 307, 308):
            assert post_one(f"{receiver.url}/redirect/{code}?to={other.url}/ok").status == code
        assert other.report().requests == 0


def test_the_wish_to_wait_is_read_in_seconds_and_as_a_date(receiver: Simulator) -> None:
    assert post_one(f"{receiver.url}/status/429?retry-after=3").retry_after.total_seconds() == 3
    assert 100 <= post_one(f"{receiver.url}/status/429?retry-after=date").retry_after.total_seconds() <= 120


def test_a_body_that_nobody_takes_ends_at_the_deadline(receiver: Simulator) -> None:
    assert post_one(f"{receiver.url}/deaf", b"x" * 8 * MEGABYTE).error == "E_TIMEOUT"


def test_a_message_whose_answer_was_lost_comes_again_under_its_id(receiver: Simulator) -> None:
    for _ in range(2):
        assert post_one(f"{receiver.url}/close-before-answer", webhook_id="msg_lost").error == "E_RESET"
    # What libcurl tries again by itself, on a fresh connection, would be a try that nobody counts.
    assert receiver.ledger.tries("msg_lost") == 2
