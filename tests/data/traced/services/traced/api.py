"""Takes notes."""

import msgspec
from psycopg.sql import SQL, Literal

from lamppost import Context, Response
from lamppost.db import health


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A note; `fatal` ends its first worker."""

    said: str
    fatal: bool = False


def note(body: Note, ctx: Context) -> str:
    """Keep a note and send it on."""
    with ctx.transaction() as db:
        db.execute("insert into traced.notes (said) values (%s)", (body.said,))
        db.execute(SQL("select id from traced.notes where said = {}").format(Literal(body.said)))
    ctx.send("traced-notes", body)
    ctx.log.info("note.taken")
    return ctx.trace_id


def one(ctx: Context) -> int:
    """One statement."""
    with ctx.transaction() as db:
        db.execute("select id from traced.notes where id = %s", (1,))
    return 1


def many(ctx: Context) -> int:
    """More statements than anybody wants to see."""
    with ctx.transaction() as db:
        for number in range(500):
            db.execute("select %s", (number,))
    return 500


def wrong(body: Note, ctx: Context) -> None:
    """A statement that fails and names the value in its message."""
    with ctx.transaction() as db:
        db.execute("select %s::int", (body.said,))


def healthy(ctx: Context) -> health.Health:
    """Whether the database answers."""
    return health.check(ctx)


def cors(ctx: Context) -> Response:
    """Says something of its own about origins, as a handler must not."""
    return Response(body={"ok": True}, headers={"access-control-allow-origin": "*", "vary": "accept"})
