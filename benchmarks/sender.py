"""How many signed webhooks does one process post in a second, beside aiohttp, httpx and pyreqwest?

    .venv/bin/python -m benchmarks.sender [--posts 20000] [--rounds 5] [--in-flight 64]

The receiver is a process of its own that reads each request whole and answers 204 at once. The peers run
in an environment of their own, pinned, in turns with ours; each keeps `--in-flight` posts under way over
connections it has (ours decides itself how many it opens), signs each body and looks at each status. None of
the peers looks at the address it connects to; ours does, at each post. Prints medians: posts a second, and
CPU µs a post, which a busy machine does not change much.
"""

import argparse
import asyncio
import base64
import hmac
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEERS = ("aiohttp==3.14.5", "httpx==0.28.1", "pyreqwest==0.15.1")
BODY = json.dumps({"message": "Hey, John Doe it's your birthday", "userId": "u" * 36, "eventId": "e" * 36})
KEY = b"k" * 32
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def receive() -> None:
    """Answer every request on every connection; edge by edge, without a framework between."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    peers: dict[int, socket.socket] = {}
    left: dict[int, bytes] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                peer, _ = listener.accept()
                peer.setblocking(False)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()], left[peer.fileno()] = peer, b""
                poll.register(peer.fileno(), select.EPOLLIN)
                continue
            try:
                data = peers[number].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                poll.unregister(number)
                peers.pop(number).close()
                del left[number]
                continue
            text = left[number] + data
            count = 0
            while (end := text.find(b"\r\n\r\n")) >= 0:
                at = text[:end].lower().find(b"content-length:") + 15
                whole = end + 4 + int(text[at:].split(b"\r\n", 1)[0])
                if len(text) < whole:
                    break
                text, count = text[whole:], count + 1
            left[number] = text
            if count:
                peers[number].sendall(ANSWER * count)


def signed(number: int, at: int) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """What every sender here posts: the same bytes, the same work to sign them."""
    body, name = BODY.encode(), f"msg_{number}"
    text = b"%s.%d." % (name.encode(), at) + body
    signature = "v1," + base64.b64encode(hmac.digest(KEY, text, "sha256")).decode()
    return body, (("webhook-id", name), ("webhook-timestamp", str(at)), ("webhook-signature", signature))


def ours(url: str, count: int, in_flight: int, *, limited: bool) -> list[int]:
    from lamppost.delivery.endpoints import Endpoints
    from lamppost.delivery.sending import Post, send
    from lamppost.delivery.vetting import Allowances

    at = int(time.time())
    posts = [Post(url, *signed(number, at)) for number in range(count)]
    answers = send(
        posts,
        deadline=time.monotonic() + 300,
        allowed=Allowances(loopback=True),
        in_flight=in_flight,
        endpoints=Endpoints() if limited else None,
    )
    return [answer.status or 0 for answer in answers if answer is not None]


async def with_aiohttp(url: str, count: int, in_flight: int) -> list[int]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=in_flight)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def post(number: int) -> int:
            body, headers = signed(number, int(time.time()))
            named = {"content-type": "application/json", **dict(headers)}
            async with session.post(url, data=body, headers=named, allow_redirects=False) as answer:
                await answer.read()
                return int(answer.status)

        return await spread(post, count, in_flight)


async def with_httpx(url: str, count: int, in_flight: int) -> list[int]:
    import httpx

    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with httpx.AsyncClient(limits=limits, timeout=10, trust_env=False) as client:

        async def post(number: int) -> int:
            body, headers = signed(number, int(time.time()))
            named = {"content-type": "application/json", **dict(headers)}
            return int((await client.post(url, content=body, headers=named)).status_code)

        return await spread(post, count, in_flight)


async def with_pyreqwest(url: str, count: int, in_flight: int) -> list[int]:
    from datetime import timedelta

    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().timeout(timedelta(seconds=10)).max_connections(in_flight)
    async with builder.build() as client:

        async def post(number: int) -> int:
            body, headers = signed(number, int(time.time()))
            named = {"content-type": "application/json", **dict(headers)}
            answer = await client.post(url).headers(named).body_bytes(body).build().send()
            return int(answer.status)

        return await spread(post, count, in_flight)


async def spread(post: Callable[[int], Awaitable[int]], count: int, in_flight: int) -> list[int]:
    """`count` posts by `in_flight` tasks: the fastest way to keep so many under way with asyncio."""
    numbers, statuses = iter(range(count)), []

    async def work() -> None:
        for number in numbers:
            statuses.append(await post(number))

    await asyncio.gather(*(work() for _ in range(in_flight)))
    return statuses


def sender(name: str, url: str, count: int, rounds: int, in_flight: int) -> None:
    """Run in the sender's own process: a line of JSON per round, when it is told to go."""
    runs = {
        "lamppost": lambda n: ours(url, n, in_flight, limited=False),
        "lamppost, limits": lambda n: ours(url, n, in_flight, limited=True),
        "aiohttp": lambda n: asyncio.run(with_aiohttp(url, n, in_flight)),
        "httpx": lambda n: asyncio.run(with_httpx(url, n, in_flight)),
        "pyreqwest": lambda n: asyncio.run(with_pyreqwest(url, n, in_flight)),
    }
    runs[name](500)
    for _ in range(rounds):
        sys.stdin.readline()
        started, used = time.perf_counter(), time.process_time()
        statuses = runs[name](count)
        took, cpu = time.perf_counter() - started, time.process_time() - used
        assert statuses == [204] * count, f"{len(statuses)} answers"
        print(json.dumps([count / took, cpu / count * 1e6]), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--posts", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--in-flight", type=int, default=64)
    options.add_argument("--without-peers", action="store_true")
    options.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    options.add_argument("--send", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.receive:
        receive()
    elif chosen.send:
        sender(chosen.send[0], chosen.send[1], chosen.posts, chosen.rounds, chosen.in_flight)
    else:
        measure(chosen)


def measure(chosen: argparse.Namespace) -> None:
    from benchmarks import peers

    interpreters = {"lamppost": Path(sys.executable), "lamppost, limits": Path(sys.executable)}
    if not chosen.without_peers:
        theirs = peers.python(*PEERS)
        interpreters |= dict.fromkeys(("aiohttp", "httpx", "pyreqwest"), theirs)
    module = ("-m", "benchmarks.sender")
    receiver = subprocess.Popen(
        [sys.executable, *module, "--receive"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert receiver.stdout is not None
    url = f"http://127.0.0.1:{receiver.stdout.readline().strip()}/h"
    # httpx is some thirty times slower: fewer posts, the same figure.
    counts = {name: chosen.posts // (10 if name == "httpx" else 1) for name in interpreters}
    shared = ("--rounds", str(chosen.rounds), "--in-flight", str(chosen.in_flight))
    running = {
        name: subprocess.Popen(
            [python, *module, "--send", name, url, "--posts", str(counts[name]), *shared],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1,
            env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT / "src"))},
        )
        for name, python in interpreters.items()
    }  # fmt: skip
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in running}
    try:
        for _ in range(chosen.rounds):
            for name, process in running.items():
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("go\n")
                figures[name].append(tuple(json.loads(process.stdout.readline())))
    finally:
        for process in (*running.values(), receiver):
            process.kill()
            process.wait()
    print(f"{chosen.posts} posts a round, {chosen.rounds} rounds, {chosen.in_flight} under way at once")
    for name, rounds in figures.items():
        rates, cpu = ([each[n] for each in rounds] for n in (0, 1))
        print(
            f"{name:18} {statistics.median(rates):9,.0f} posts/s (best {max(rates):,.0f})   "
            f"{statistics.median(cpu):7.1f} µs of CPU a post"
        )


if __name__ == "__main__":
    main()
