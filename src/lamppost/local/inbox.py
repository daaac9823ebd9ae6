"""The webhook inbox: receives what services post, and shows it.

`POST /_inbox` receives, whatever stands behind it in the path; `GET /_inbox` lists, newest first:
`?id=`, `?answered=500` or `5xx`, `?limit=`. To see retries at work the URL says how to answer:
`?answer=500` always, `&times=2` to the first two tries of each message, `&retry-after=30`, `&slow=2`.
What arrived is appended to a file before it is answered, so a crash forgets nothing.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from lamppost.local.arrivals import BODY_KEPT, KEPT, Arrival, Arrivals
from lamppost.local.http import Request, Response
from lamppost.local.signatures import Named, Signatures

__all__ = ["Arrival", "Inbox"]

# Messages whose tries are counted.
COUNTED = 100_000
SLOW_MAX = 60
_JSON = {"content-type": "application/json", "cache-control": "no-store"}


class Inbox:
    """`secrets` gives names and values of secrets that may have signed what arrives."""

    def __init__(self, path: Path, secrets: Callable[[], Iterable[Named]] = tuple) -> None:
        self._arrivals = Arrivals(path)
        self._signatures = Signatures(secrets)
        self._tries: OrderedDict[str, int] = OrderedDict()
        for arrival in reversed(self._arrivals.newest(KEPT)):
            self._count(arrival.id)

    async def __call__(self, request: Request) -> Response:
        """Receive a POST, or list what arrived."""
        query = dict(parse_qsl(request.query))
        if request.method == "GET":
            return self._list(query)
        if request.method == "DELETE":
            self._arrivals.clear()
            self._tries.clear()
            return Response(204)
        if request.method not in ("POST", "PUT"):
            return Response(405, dict(_JSON), b'{"message":"POST a delivery, GET the list, DELETE it"}')
        return await self._receive(request, query)

    async def _receive(self, request: Request, query: dict[str, str]) -> Response:
        message_id = request.headers.get("webhook-id", "")
        attempt = self._count(message_id)
        status = _number(query.get("answer", ""), 200, 599) or 200
        if attempt > (_number(query.get("times", ""), 1, 10**6) or attempt):
            status = 200
        self._arrivals.add(
            Arrival(
                time.time(),
                request.path,
                request.headers,
                _content(request.body),
                status,
                message_id,
                attempt,
                self._signatures.verdict(request.headers, request.body),
                max(len(request.body) - BODY_KEPT, 0),
            )
        )
        await asyncio.sleep(_number(query.get("slow", ""), 1, SLOW_MAX) or 0)
        wait = _number(query.get("retry-after", ""), 0, 10**6)
        asks = {"retry-after": str(wait)} if wait is not None and status >= 400 else {}
        return Response(status, _JSON | asks, b'{"received":true}')

    def _count(self, message_id: str) -> int:
        """Which try of its message this is; 1 for what has no id."""
        if not message_id:
            return 1
        tries = self._tries[message_id] = self._tries.pop(message_id, 0) + 1
        if len(self._tries) > COUNTED:
            self._tries.popitem(last=False)
        return tries

    def _list(self, query: dict[str, str]) -> Response:
        limit = _number(query.get("limit", ""), 1, KEPT) or 100
        wanted, answered = query.get("id", ""), query.get("answered", "").lower()
        shown = [
            arrival
            for arrival in self._arrivals.newest(KEPT)
            if (not wanted or arrival.id == wanted) and _is_like(arrival.answered, answered)
        ]
        return Response(200, dict(_JSON), msgspec.json.encode(shown[:limit]))

    def newest(self, limit: int) -> list[Arrival]:
        """The last `limit` arrivals, newest first."""
        return self._arrivals.newest(limit)

    def close(self) -> None:
        """Close the file."""
        self._arrivals.close()


def _is_like(status: int, pattern: str) -> bool:
    """Whether `status` is 500 for "500", of the five hundreds for "5xx"; any for ""."""
    return pattern in ("", str(status), f"{status // 100}xx")


def _number(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return int(text) if least <= int(text) <= most else None


def _content(body: bytes) -> object:
    if len(body) <= BODY_KEPT:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            pass
    return body[:BODY_KEPT].decode("utf-8", "replace")
