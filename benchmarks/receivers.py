"""What do receivers that misbehave cost the sender, and those that do not?

    python -m benchmarks.receivers [--copies 10] [--well 3000] [--timeout 3]

The misbehaving receiver, the one that is well, and the sender are processes of their own. Posts go to the
receiver that is well, beside others: to honest receivers, to receivers that hang, to every misbehaviour at
once; each several times, to see what the machine does by itself. Per run: how long after the call of `send`
the good posts were there, how long their answers took, when the last slot was free, and how much the process
grew beyond what as many posts to slow but honest receivers had taken.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec

from lamppost.delivery.simulator.cases import CASES, Case
from lamppost.delivery.simulator.running import running
from lamppost.delivery.simulator.server import Simulator

MEGABYTE = 1024 * 1024

SENDING = """
import re, sys, time
from pathlib import Path
import msgspec
from lamppost.delivery.sending import Post, send
from lamppost.delivery.vetting import Allowances

def memory(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def post_all(urls):
    posts = [Post(url, b"{}", (("webhook-id", f"{run}_{n}"),)) for n, url in enumerate(urls)]
    begun = time.time()
    deadline = time.monotonic() + 60
    return begun, send(posts, deadline=deadline, allowed=Allowances(loopback=True), timeout=timeout)

run, timeout, slow, urls = msgspec.json.decode(sys.stdin.read())
run, kept = "warm", run
post_all(slow)
run = kept
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
worked = time.process_time()
begun, answers = post_all(urls)
worked = time.process_time() - worked
print(msgspec.json.encode([memory("VmHWM") - before, worked, begun, answers]).decode())
"""


class Run(NamedTuple):
    """Until the good posts were there, their answers, the last free slot, the CPU: ms. `grown`: MB."""

    there_p50: float
    there_p99: float
    answered_p99: float
    last: int
    grown: float
    cpu: float
    failed: int


def mixed(good: str, bad: list[str], well: int) -> list[str]:
    """The bad ones among the first half of the good ones, as a queue would bring them."""
    posts = [good] * well
    for number, url in enumerate(bad):
        posts.insert(number * (1 + well // (2 * len(bad))), url)
    return posts


def run(
    name: str, said: dict[str, Any], good: Simulator, cases: Sequence[Case], well: int, timeout: float
) -> Run:
    bad = [said["urls"].get(case.target) or f"{said['url']}/{case.target}" for case in cases]
    posts = mixed(f"{good.url}/ok", bad, well)
    slow = {"http": f"{said['url']}/slow/1s", "https": f"{said['urls']['tls-ok']}slow/1s"}
    honest = [slow[url.partition(":")[0]] for url in bad]
    done = subprocess.run(
        [sys.executable, "-c", SENDING],
        input=msgspec.json.encode([name, timeout, honest, posts]),
        env={**os.environ, "SSL_CERT_FILE": said["authority"]},
        capture_output=True,
        check=True,
    )
    grown, worked, begun, answers = msgspec.json.decode(done.stdout)
    served = {number: answer for number, answer in enumerate(answers) if posts[number] == f"{good.url}/ok"}
    failed = sum(answer["status"] != 200 for answer in served.values())
    there = [(good.ledger.first_at(f"{name}_{number}") - begun) * 1000 for number in served]
    cuts = statistics.quantiles(there, n=100)
    answered = statistics.quantiles([answer["latency_ms"] for answer in served.values()], n=100)
    last = max(answer["latency_ms"] for answer in answers)
    return Run(cuts[49], cuts[98], answered[98], last, grown / MEGABYTE, worked * 1000, failed)


@contextmanager
def misbehaving() -> Iterator[dict[str, Any]]:
    """What `lamppost receiver` says when it listens."""
    program = [
        sys.executable,
        "-c",
        "from lamppost.cli.main import main; main()",
        "receiver",
        "--doors",
        "--json",
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield msgspec.json.decode(process.stdout.readline())
        finally:
            process.terminate()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--copies", type=int, default=10)
    arguments.add_argument("--well", type=int, default=3000)
    arguments.add_argument("--timeout", type=float, default=3)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    every = CASES * given.copies
    hanging = [case for case in CASES if case.hangs]
    beside: dict[str, Sequence[Case]] = {
        "beside the honest": (CASES[0],) * len(every),
        "beside who hangs": (hanging * len(every))[: len(every)],
        "beside all": every,
    }
    print(f"{len(CASES)} behaviours, {len(every)} bad posts, {given.well} good; timeout {given.timeout:g} s")
    runs: dict[str, list[Run]] = {name: [] for name in beside}
    with misbehaving() as said, running() as good:
        for number in range(given.rounds):
            for name, cases in beside.items():
                one = run(f"{name} {number}".replace(" ", "_"), said, good, cases, given.well, given.timeout)
                runs[name].append(one)
                print(
                    f"{name:17} there p50 {one.there_p50:5.0f} p99 {one.there_p99:5.0f} ms, "
                    f"answered in p99 {one.answered_p99:4.0f}; last slot free {one.last:5} ms; "
                    f"grown {one.grown:4.1f} MB; {one.cpu:.0f} ms of CPU; {one.failed} failed"
                )
    p99 = {name: [each.there_p99 for each in some] for name, some in runs.items()}
    for name in list(beside)[1:]:
        median, best = (of(p99[name]) / of(p99["beside the honest"]) for of in (statistics.median, min))
        print(f"p99 of the good posts {name}: {median:.2f} × by the medians, {best:.2f} × by the best")
    print(f"load average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
