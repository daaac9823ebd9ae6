"""From due greetings to chunks, and from chunks to the queue."""

from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

# One message carries this many greetings. The worker posts them side by side, so smaller chunks
# would not arrive sooner; larger ones would repeat more after a crash.
CHUNK = 1000
# A chunk whose workers died this often is given up: something in it kills them.
LEASES = 5


class Chunk(msgspec.Struct, frozen=True):
    """Greetings on their way together. `token` counts the leases so far."""

    id: UUID
    members: list[UUID]
    token: int


_CLAIM = """
with due as (
    select id, try_at
      from birthday.greetings
     where status = 'waiting' and try_at <= lamppost.now()
     order by try_at, id
     limit %(limit)s
       for update skip locked
), claimed as (
    update birthday.greetings g
       set status = 'claimed'
      from due
     where g.id = due.id
 returning g.id, due.try_at
)
insert into birthday.chunks (members)
select array_agg(id order by try_at, id)
  from claimed
having count(*) > 0
returning cardinality(members)
"""


def claim_due(db: Connection[Any], *, limit: int) -> int:
    """Claim up to `limit` due greetings, oldest first, as one chunk; how many were claimed.

    Greetings another tick is claiming right now are skipped, so two overlapping ticks never
    claim the same one.
    """
    row = db.execute(_CLAIM, {"limit": limit}).fetchone()
    return row[0] if row else 0


_TO_RELAY = """
select id, members, token
  from birthday.chunks
 where token < %(leases)s
   and (sent_at is null
        or leased_until < clock_timestamp()
        or leased_until is null and sent_at < clock_timestamp() - interval '6 minutes')
 order by made_at
 limit 10
   for update skip locked
"""


def to_relay(db: Connection[Any]) -> list[Chunk]:
    """Up to ten chunks whose message must go out, oldest first, held until this transaction ends.

    Not sent yet; or leased by a worker that let the lease run out; or sent twice a visibility
    timeout ago (six minutes) and never leased, so that a lost message heals.
    """
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_TO_RELAY, {"leases": LEASES}).fetchall()


def mark_sent(db: Connection[Any], chunks: list[UUID]) -> None:
    """Note that the queue has these. A lease that ran out is over; its token is not used again."""
    db.execute(
        "update birthday.chunks set sent_at = clock_timestamp(), leased_until = null where id = any(%s)",
        (chunks,),
    )


_HOPELESS = """
select id, members, token
  from birthday.chunks
 where token >= %(leases)s and (leased_until is null or leased_until < clock_timestamp())
 limit 1
   for update skip locked
"""


def hopeless(db: Connection[Any]) -> Chunk | None:
    """A chunk that nobody works on and that cost its workers their lives too often, held; or None."""
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_HOPELESS, {"leases": LEASES}).fetchone()


_LEASE = """
update birthday.chunks
   set token = token + 1, leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
 where id = %(chunk)s and (leased_until is null or leased_until < clock_timestamp())
returning id, members, token
"""


def lease(db: Connection[Any], chunk: UUID, *, seconds: float) -> Chunk | None:
    """Take the chunk for `seconds`; None when it is done or in other hands.

    Of two workers that ask at once one gets it. The token is the proof that `settle` asks for.
    """
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_LEASE, {"chunk": chunk, "seconds": seconds}).fetchone()


def put_back(db: Connection[Any], chunks: list[UUID]) -> None:
    """Have the next tick send these again: they were received and there was no time to begin."""
    db.execute(
        "update birthday.chunks set sent_at = null where id = any(%s) and leased_until is null", (chunks,)
    )


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
