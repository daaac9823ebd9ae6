"""The receiver that writes down every POST, and afterwards says what of the sender's story is not true.

A process of its own that shares no code with the product: it computes for itself who was to be greeted when,
checks signatures with plain HMAC, and reads the sender's tables by plain SQL.

    python -m tests.faults.auditor LEDGER.sqlite      prints {"url": ...}; GET and POST below /audit steer it
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import psycopg

LEDGER = """
create table if not exists posts (
    number integer primary key, at real, id text, event text, person text, due text, body blob,
    signed integer, status integer
)"""
GREETINGS = """
select person_id::text, year, due_at, status, id::text, attempts
  from birthday.greetings
 where person_id = any(%s::uuid[])"""
NEXT = "select person_id::text, due_at from birthday.dates where person_id = any(%s::uuid[])"
OPEN = """
select (select count(*) from birthday.chunks), (select count(*) from birthday.retries),
       (select count(*) from birthday.letters)"""


class Book:
    """Every POST there was, in SQLite and at hand, and how to answer the next one."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path)
        self._file.execute(LEDGER)
        self.posts: list[dict[str, Any]] = []
        self._written = 0
        self.behave({})

    def behave(self, orders: dict[str, Any]) -> None:
        """How to answer from now on.

        `status`; `drop`: how likely an answer is lost, by the dice of `seed`; `delay` seconds; `hold`: no
        answer until other orders come; `signal` for `pid` when the `at`-th POST arrives, or one for a person
        `poison`; `refuse`: a word whose bodies get 500; `secret`: theirs.
        """
        self.orders = {"status": 200, "drop": 0.0, "delay": 0.0, "hold": False, **orders}
        self.arrived = 0
        self._chance = random.Random(orders.get("seed", 1))

    async def take(self, headers: dict[str, str], body: bytes) -> int | None:
        """Write down one POST; the status to answer with, or None to say nothing."""
        self.arrived += 1
        self._written += 1
        orders = self.orders
        said = json.loads(body)
        entry = {
            "number": self._written,
            "at": datetime.now(UTC).timestamp(),
            "id": headers.get("webhook-id", ""),
            "event": said.get("eventId", ""),
            "person": said.get("userId", ""),
            "due": said.get("timestamp", ""),
            "body": body,
            "signed": is_signed(orders.get("secret"), headers, body),
            "status": None,
        }
        self.posts.append(entry)
        if "signal" in orders and (
            self.arrived == orders.get("at") or entry["person"] == orders.get("poison")
        ):
            with suppress(ProcessLookupError):
                os.kill(orders["pid"], signal.Signals[orders["signal"]])
        await asyncio.sleep(orders["delay"])
        while orders["hold"] and self.orders is orders:
            await asyncio.sleep(0.01)
        if self._chance.random() >= orders["drop"]:
            refused = orders.get("refuse") and orders["refuse"].encode() in body
            entry["status"] = 500 if refused else orders["status"]
        columns = ", ".join(f":{name}" for name in entry)
        self._file.execute(f"insert into posts values ({columns})", entry)
        return entry["status"]

    def audit(self, sender: str, people: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
        """Compare what arrived with what was due until `now`, and with what the sender believes."""
        self._file.commit()
        with psycopg.connect(sender, autocommit=True) as database:
            known = ([person["id"] for person in people],)
            greetings = {(row[0], row[2]): row for row in database.execute(GREETINGS, known).fetchall()}
            ahead = dict(database.execute(NEXT, known).fetchall())
            (counts,) = database.execute(OPEN).fetchall()
        heard: dict[tuple[str, datetime], list[dict[str, Any]]] = defaultdict(list)
        for post in self.posts:
            heard[post["person"], datetime.fromisoformat(post["due"])].append(post)
        due = [(person["id"], at) for person in people for at in owed(person, now)]
        ids = Counter(post["id"] for post in self.posts)
        wrong = untrue(due, greetings, heard)
        wrong += [f"{post['id']} is signed wrongly" for post in self.posts if not post["signed"]]
        wrong += [f"{key} was not due" for key in heard.keys() - set(due)]
        wrong += [f"{key} is believed in, and was not due" for key in greetings.keys() - set(due)]
        wrong += [f"chunks, retries, letters: {counts} left over"] if any(counts) else []
        ended = [person["id"] for person in people if ahead.get(person["id"], now) <= now]
        wrong += [f"{person} has no next year" for person in ended]
        return {
            "due": len(due),
            "lost": [str(key) for key in due if is_lost(greetings.get(key), heard[key])],
            "dead": sum(row[3] == "dead" for row in greetings.values()),
            "posts": len(self.posts),
            "duplicates": sum(ids.values()) - len(ids),
            "most": max(ids.values(), default=0),
            "ids_per_key": max((len({post["id"] for post in posts}) for posts in heard.values()), default=0),
            "effects": max(Counter((row[0], row[1]) for row in greetings.values()).values(), default=0),
            "wrong": wrong[:20],
        }


def owed(person: dict[str, Any], now: datetime) -> list[datetime]:
    """When this person was to be greeted: 9:00 on their wall, after they were known and until now."""
    if "due" in person:
        return [at for at in map(datetime.fromisoformat, person["due"]) if at <= now]
    born, known = date.fromisoformat(person["born"]), datetime.fromisoformat(person["known"])
    days = (on_or_after(born, year) for year in range(known.year, now.year + 1))
    mornings = (datetime.combine(day, time(9), ZoneInfo(person["zone"])).astimezone(UTC) for day in days)
    return [at for at in mornings if known < at <= now]


def on_or_after(born: date, year: int) -> date:
    """The birthday in a year; of 29 February the day after, where there is none."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def is_lost(row: Any, posts: list[dict[str, Any]]) -> bool:
    """Whether nothing came of what was due: it is neither dead nor delivered, or delivered to nobody."""
    if row is None or row[3] not in ("delivered", "dead"):
        return True
    return row[3] == "delivered" and not any(post["status"] == 200 for post in posts)


def untrue(
    due: list[tuple[str, datetime]], greetings: dict[Any, Any], heard: dict[Any, list[dict[str, Any]]]
) -> list[str]:
    """Where the sender's record and the receiver's differ."""
    wrong = [f"{key} was due twice" for key, count in Counter(due).items() if count > 1]
    for key in due:
        bodies, ids = {post["body"] for post in heard[key]}, {post["id"] for post in heard[key]}
        row = greetings.get(key)
        if len(bodies) > 1 or len(ids) > 1:
            wrong.append(f"{key} came as {ids}, with {len(bodies)} bodies")
        if row is not None and ids and ids != {"msg_" + row[4].replace("-", "")}:
            wrong.append(f"{key} is {row[4]} here and {ids} there")
    return wrong


def is_signed(secret: str | None, headers: dict[str, str], body: bytes) -> bool:
    """Whether one of the signatures is this secret's. https://www.standardwebhooks.com"""
    if secret is None:
        return True
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    right = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return right in headers.get("webhook-signature", "").split()


async def serve(book: Book, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    with suppress(OSError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, answer = await respond(book, first.split(" ")[1], headers, body)
            if status is None:
                break
            writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    writer.close()


async def respond(book: Book, path: str, headers: dict[str, str], body: bytes) -> tuple[int | None, bytes]:
    """A webhook's answer, or an order's."""
    if path.startswith("/hook"):
        return await book.take(headers, body), b""
    given = json.loads(body)
    if path == "/audit/behave":
        book.behave(given)
    if path == "/audit/anew":
        book.posts.clear()
    if path == "/audit/now":
        return 200, json.dumps({"arrived": book.arrived, "posts": len(book.posts)}).encode()
    if path == "/audit/posts":
        kept = ("id", "person", "due", "status", "at")
        return 200, json.dumps([{name: post[name] for name in kept} for post in book.posts]).encode()
    if path == "/audit/compare":
        found = book.audit(given["sender"], given["people"], datetime.fromisoformat(given["now"]))
        return 200, json.dumps(found).encode()
    return 200, b"{}"


async def main() -> None:
    """Serve until nobody holds the other end of stdin."""
    book = Book(sys.argv[1])
    server = await asyncio.start_server(
        lambda reader, writer: serve(book, reader, writer), "127.0.0.1", 0, backlog=2048
    )
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


class Auditor:
    """The auditor's process, from a test's side."""

    def __init__(self, folder: Path, secret: str | None = None) -> None:
        self._secret = secret
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.auditor", str(folder / "posts.sqlite")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._url = json.loads(self._process.stdout.readline())["url"]
        self.hook = f"{self._url}/hook"
        self.behave()

    def behave(self, **orders: Any) -> None:
        """Answer like this from now on; see `Book.behave`."""
        self._ask("behave", {"secret": self._secret, **orders})

    def anew(self) -> None:
        """What was written down so far is no part of the next comparison."""
        self._ask("anew")
        self.behave()

    def arrived(self) -> int:
        """POSTs since the last orders."""
        return int(self._ask("now")["arrived"])

    def posts(self) -> list[dict[str, Any]]:
        """All of them, in order of arrival: id, person, due, status, at."""
        found: list[dict[str, Any]] = self._ask("posts")
        return found

    def compare(self, sender: str, people: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
        """The audit's figures; `wrong` and `lost` are empty when all is well."""
        found: dict[str, Any] = self._ask(
            "compare", {"sender": sender, "people": people, "now": now.isoformat()}
        )
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, what: str, order: Any = None) -> Any:
        asked = Request(f"{self._url}/audit/{what}", json.dumps(order or {}).encode())
        with urlopen(asked, timeout=60) as said:
            return json.load(said)


if __name__ == "__main__":
    asyncio.run(main())
