"""Whether anything may be sent at all."""

from typing import Any

from psycopg import Connection


def paused(db: Connection[Any]) -> str | None:
    """The fingerprint of the endpoint that nothing is sent to, '' when there was none at all; else None."""
    row = db.execute("select endpoint from birthday.pause").fetchone()
    return row[0] if row else None


def pause(db: Connection[Any], *, endpoint: str, why: str) -> None:
    """Stop sending until the endpoint is another one. The last reason counts."""
    db.execute(
        "insert into birthday.pause (endpoint, why) values (%s, %s)"
        " on conflict (only_one) do update set endpoint = excluded.endpoint, why = excluded.why",
        (endpoint, why),
    )


def resume(db: Connection[Any]) -> None:
    """Send again."""
    db.execute("delete from birthday.pause")
