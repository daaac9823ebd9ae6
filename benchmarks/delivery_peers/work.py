"""What every Python peer does for one greeting, whatever queue and client it is made of.

A peer is a process: it says "ready", and for each line on stdin claims what is due, hands it to its queue
and says how many seconds that took. Its worker, in the same loop, is warm and listens all the while.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CLAIM, READ, RECORD = ((HERE / f"{name}.sql").read_text() for name in ("claim", "read", "record"))
KEY = b"secret" * 4
# Where the database is; its URL holds a password, which a command line would show to everyone.
DATABASE = "LAMPPOST_PEER_DATABASE"

Post = Callable[[bytes, dict[str, str]], Awaitable[int]]


def request(row: tuple[Any, ...]) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of one greeting, signed as Standard Webhooks does."""
    greeting, person, first_name, last_name, due_at = row
    said = {
        "message": f"Hey, {first_name} {last_name} it's your birthday",
        "userId": person,
        "eventId": greeting,
        "timestamp": due_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    body = json.dumps(said).encode()
    name, now = f"msg_{greeting.replace('-', '')}", str(int(datetime.now(UTC).timestamp()))
    digest = hmac.digest(KEY, b"%s.%s.%s" % (name.encode(), now.encode(), body), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return body, {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": now,
        "webhook-signature": signature,
    }


def httpx_post(url: str, concurrency: int) -> Post:
    """A client with as many connections as there are posts under way."""
    import httpx

    client = httpx.AsyncClient(
        limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency), timeout=10
    )

    async def post(body: bytes, headers: dict[str, str]) -> int:
        return (await client.post(url, content=body, headers=headers)).status_code

    return post


def aiohttp_post(url: str, concurrency: int) -> Post:
    """The same with aiohttp. To be called in its loop."""
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency), timeout=aiohttp.ClientTimeout(total=10)
    )

    async def post(body: bytes, headers: dict[str, str]) -> int:
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    return post


async def obey(schedule: Callable[[], Awaitable[None]]) -> None:
    """Schedule once for each line on stdin, until it ends."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print("ready", flush=True)
    while await lines.readline():
        began = time.perf_counter()
        await schedule()
        print(time.perf_counter() - began, flush=True)
