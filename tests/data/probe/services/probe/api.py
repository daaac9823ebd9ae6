"""Handlers that take what anyone may send, and some that misbehave."""

import time
from typing import Any
from uuid import UUID

import msgspec

from lamppost import Context, Response


class Address(msgspec.Struct, forbid_unknown_fields=True):
    """An object within an object."""

    city: str
    lines: list[str] = []


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /thing."""

    name: str
    n: int = 0
    price: float = 0.0
    on: bool = False
    address: Address | None = None
    items: list[Address] = []
    labels: dict[str, str] = {}


def make(body: Thing, ctx: Context) -> Thing:
    """Give back what was understood."""
    ctx.log.info("thing.made", name=body.name)
    return body


def find(id: UUID) -> dict[str, UUID]:
    """Give back the id."""
    return {"id": id}


def search(limit: int = 20, q: str = "", ratio: float = 0.0) -> dict[str, Any]:
    """Give back the query."""
    return {"limit": limit, "q": q, "ratio": ratio}


def tagged(tag: str) -> dict[str, str]:
    """Give back a path parameter that may be any text."""
    return {"tag": tag}


def fail() -> None:
    """Raise what no caller may read."""
    raise RuntimeError("the password is hunter2")


def nonsense() -> object:
    """Return what cannot be sent."""
    return object()


def say(value: str) -> Response:
    """Put the caller's words into a header."""
    return Response(headers={"x-said": value})


def picture() -> Response:
    """Bytes, a header and two cookies."""
    return Response(
        203, b"\x89PNG\x00\xff", {"Content-Type": "image/png", "X-A": "b"}, ("a=1; Path=/", "b=2")
    )


def frame() -> Response:
    """Try to say how the answer is framed."""
    return Response(
        body="whole", headers={"Content-Length": "2", "Transfer-Encoding": "chunked", "x-kept": "yes"}
    )


def status(code: int) -> Response:
    """Answer with any number."""
    return Response(code)


def hang() -> None:
    """Never return."""
    time.sleep(60)


def hang_in_sql(ctx: Context) -> None:
    """Write a row, then wait in the database until someone puts an end to it."""
    with ctx.transaction() as db:
        db.execute("insert into probe.marks (said) values ('never to be seen')")
        db.execute("select pg_sleep(60)")


def count(ctx: Context) -> dict[str, int]:
    """How many rows stand."""
    with ctx.transaction() as db:
        row = db.execute("select count(*) from probe.marks").fetchone()
    assert row is not None
    return {"marks": row[0]}


def write(body: Thing, ctx: Context) -> None:
    """Write one row."""
    with ctx.transaction() as db:
        db.execute("insert into probe.marks (said) values (%s)", (body.name,))
