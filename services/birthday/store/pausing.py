"""Whether anything may be sent at all.

The worker pauses an endpoint that it found unusable, and resumes by itself once it is another one. What a
person paused stays paused until a person resumes.
"""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row


class Pause(msgspec.Struct, frozen=True):
    """Nothing is sent. `endpoint` is the fingerprint of the URL then, '' when there was none.

    `who` paused; None: the worker.
    """

    endpoint: str
    why: str
    since: datetime
    who: str | None


def paused(db: Connection[Any]) -> Pause | None:
    """The pause there is, or None."""
    with db.cursor(row_factory=class_row(Pause)) as cursor:
        return cursor.execute("select endpoint, why, since, who from birthday.pause").fetchone()


_PAUSE = """
insert into birthday.pause as p (endpoint, why, who)
values (%(endpoint)s, %(why)s, %(who)s)
    on conflict (only_one) do update
   set endpoint = excluded.endpoint, why = excluded.why, who = excluded.who,
       since = case when p.who is null and excluded.who is null then p.since else excluded.since end
 where p.who is null or excluded.who is not null
"""


def pause(db: Connection[Any], *, endpoint: str, why: str, who: str | None = None) -> None:
    """Stop sending. The last reason counts, but the worker's never takes the place of a person's."""
    db.execute(_PAUSE, {"endpoint": endpoint, "why": why, "who": who})


def resume(db: Connection[Any], *, everything: bool = False) -> Pause | None:
    """Send again; the pause there was. Only with `everything` does a person's end."""
    with db.cursor(row_factory=class_row(Pause)) as cursor:
        return cursor.execute(
            "delete from birthday.pause where %s or who is null returning endpoint, why, since, who",
            (everything,),
        ).fetchone()
