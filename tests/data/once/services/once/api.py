"""Handlers that leave one row behind for each time they really ran."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import psycopg

from lamppost import CallerError, Context, Header, Response
from lamppost.tokens.refresh import Lines, Turned

LINES = Lines("once", lifetime=timedelta(days=7), ends=timedelta(days=30))


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """The body of most routes. `wait` is seconds spent in the database."""

    name: str
    wait: float = 0.0


def _write(ctx: Context, name: str, wait: float = 0.0) -> int:
    with ctx.transaction() as db:
        row = db.execute("insert into once.orders (name) values (%s) returning id", (name,)).fetchone()
        if wait:
            db.execute("select pg_sleep(%s)", (wait,))
    assert row is not None
    return int(row[0])


def place(body: Order, ctx: Context) -> dict[str, Any]:
    """Write a row; answer with its id, which no second run could give."""
    return {"id": _write(ctx, body.name, body.wait), "name": body.name}


def put(name: str, body: Order, ctx: Context) -> dict[str, Any]:
    """As `place`."""
    return {"id": _write(ctx, name)}


def patch(name: str, body: Order, ctx: Context) -> dict[str, Any]:
    """As `place`."""
    return {"id": _write(ctx, name)}


def remove(name: str, ctx: Context) -> None:
    """A row for the removal."""
    _write(ctx, name)


def count(name: str, ctx: Context) -> dict[str, int]:
    """How many rows have this name."""
    with ctx.transaction() as db:
        row = db.execute("select count(*) from once.orders where name = %s", (name,)).fetchone()
    assert row is not None
    return {"count": row[0]}


def picture(body: Order, ctx: Context) -> Response:
    """Bytes that are no text, with a header and cookies."""
    number = _write(ctx, body.name)
    headers = {"Content-Type": "image/png", "Location": f"/order/{number}"}
    return Response(201, b"\x89PNG\x00\xff%d" % number, headers, ("a=1; Path=/", "b=2"))


def large(body: Order, ctx: Context) -> Response:
    """An answer of more than is kept."""
    _write(ctx, body.name)
    return Response(200, b"x" * (1024 * 1024 + 1))


def refused(body: Order, ctx: Context) -> None:
    """Write, then refuse."""
    _write(ctx, body.name)
    raise CallerError(409, "sold_out", "there is none left")


def returned(body: Order, ctx: Context) -> Response:
    """Write, then return the status that the name says."""
    return Response(int(body.name), {"id": _write(ctx, body.name)})


def twice(body: Order, ctx: Context) -> dict[str, list[int]]:
    """Three blocks; the second fails, and the handler bears it."""
    first = _write(ctx, body.name)
    try:
        with ctx.transaction() as db:
            db.execute("insert into once.orders (name) values (%s)", (body.name + " lost",))
            raise LookupError
    except LookupError:
        pass
    return {"ids": [first, _write(ctx, body.name)]}


def tenants(body: Order, ctx: Context) -> dict[str, str]:
    """What a block says for its transaction only, read by the next block."""
    with ctx.transaction() as db:
        db.execute("select set_config('app.tenant_id', %s, true)", (body.name,))
    with ctx.transaction() as db:
        row = db.execute("select coalesce(current_setting('app.tenant_id', true), '')").fetchone()
    assert row is not None
    return {"left": row[0]}


def told(body: Order, ctx: Context) -> dict[str, int]:
    """Write and send; a name beginning with no raises after both."""
    number = _write(ctx, body.name)
    ctx.send("once-told", {"order": number})
    if body.name.startswith("no"):
        raise CallerError(409, "sold_out", "there is none left")
    return {"id": number}


def robbed(body: Order, ctx: Context) -> None:
    """Write, then refuse in a way that lets it stand; a name with `wrong` fails in SQL before."""
    with ctx.transaction() as db:
        db.execute("insert into once.orders (name) values (%s)", (body.name,))
        if "wrong" in body.name:
            with suppress(psycopg.Error):
                db.execute("select 1 / 0")
        raise CallerError(401, "robbed", "log in again", keep=True)


def renew(body: Order, ctx: Context) -> dict[str, str]:
    """Exchange the refresh token in `name` for its successor."""
    with ctx.transaction() as db:
        turned = LINES.turn(db, body.name, now=datetime.now(UTC))
        if not isinstance(turned, Turned):
            raise CallerError(401, "refresh_token_invalid", "log in again", keep=True)
    return {"token": turned.token}


def told_by(body: Order, ctx: Context, place: Annotated[str, Header("x-place")] = "") -> dict[str, Any]:
    """Write a row, and tell the place that a header names."""
    return {"id": _write(ctx, body.name), "place": place}


def dark(body: Order, ctx: Context) -> None:
    """Write, then fail as nobody foresaw."""
    _write(ctx, body.name)
    raise RuntimeError("the lights went out")


def page(ctx: Context) -> dict[str, str]:
    """Anything."""
    return {"page": "one"}


def work(ctx: Context, wait: float = 0.05) -> dict[str, bool]:
    """Keep a connection busy for a while."""
    with ctx.transaction() as db:
        db.execute("select pg_sleep(%s)", (wait,))
    return {"done": True}
