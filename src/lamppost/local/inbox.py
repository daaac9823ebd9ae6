"""The webhook inbox: receives what services post, and shows it.

`POST /_inbox` receives, whatever stands behind it in the path; `GET /_inbox` lists, newest
first. `?answer=500` on the URL makes it answer with that status, to see retries at work.
What arrived is appended to a file before it is answered, so a crash forgets nothing.
"""

import time
from collections import deque
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from lamppost.local.http import Request, Response

KEPT = 10_000
_JSON = {"content-type": "application/json", "cache-control": "no-store"}


class Arrival(msgspec.Struct, frozen=True):
    """One delivery. `body` is its JSON, or its text where it is not JSON; `answered` the status it got."""

    at: float
    path: str
    headers: dict[str, str]
    body: object
    answered: int


class Inbox:
    """Arrivals in a file of JSON lines; the newest are kept in memory."""

    def __init__(self, path: Path) -> None:
        self._recent: deque[Arrival] = deque(maxlen=KEPT)
        self._load(path)
        # Unbuffered: a line is with the kernel before the sender hears 200.
        self._file = path.open("ab", buffering=0)

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        decoder = msgspec.json.Decoder(Arrival)
        with path.open("rb") as lines:
            for line in lines:
                try:
                    self._recent.append(decoder.decode(line))
                except msgspec.DecodeError:
                    continue  # the line a crash cut short

    async def __call__(self, request: Request) -> Response:
        """Receive a POST, or list what arrived."""
        query = dict(parse_qsl(request.query))
        if request.method == "GET":
            return self._list(query)
        if request.method == "DELETE":
            self._recent.clear()
            self._file.truncate(0)
            return Response(204)
        if request.method not in ("POST", "PUT"):
            return Response(405, dict(_JSON), b'{"message":"POST a delivery, GET the list, DELETE it"}')
        status = _number(query.get("answer", ""), 200, 599) or 200
        arrival = Arrival(time.time(), request.path, request.headers, _content(request.body), status)
        self._file.write(msgspec.json.encode(arrival) + b"\n")
        self._recent.append(arrival)
        return Response(status, dict(_JSON), b'{"received":true}')

    def _list(self, query: dict[str, str]) -> Response:
        limit = _number(query.get("limit", ""), 1, KEPT) or 100
        return Response(200, dict(_JSON), msgspec.json.encode(self.newest(limit)))

    def newest(self, limit: int) -> list[Arrival]:
        """The last `limit` arrivals, newest first."""
        return [arrival for arrival, _ in zip(reversed(self._recent), range(limit), strict=False)]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _number(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        return None
    return int(text) if least <= int(text) <= most else None


def _content(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
