"""Chunks on their way: from the outbox to the queue, and into the hands of one worker at a time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

# A chunk whose workers died this often is given up: something in it kills them.
LEASES = 5
# Into so many parts it is split first, so that what kills them is found and its neighbours go on.
PARTS = 10


class Chunk(msgspec.Struct, frozen=True):
    """Greetings on their way together. `kind` is None for those that were tried before.

    `token` counts the leases so far.
    """

    id: UUID
    kind: str | None
    size: int
    token: int


_TO_RELAY = """
select id, kind, cardinality(members) as size, token
  from birthday.chunks
 where token < %(leases)s
   and (sent_at is null
        or leased_until < clock_timestamp()
        or leased_until is null and sent_at < clock_timestamp() - interval '6 minutes')
 order by due_at, made_at
 limit %(limit)s
   for update skip locked
"""


def to_relay(db: Connection[Any], *, limit: int) -> list[Chunk]:
    """Chunks whose message must go out, oldest first, held until this transaction ends.

    Not sent yet; or leased by a worker that let the lease run out; or sent twice a visibility
    timeout ago (six minutes) and never leased, so that a lost message heals.
    """
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_TO_RELAY, {"leases": LEASES, "limit": limit}).fetchall()


def mark_sent(db: Connection[Any], chunks: list[UUID]) -> None:
    """Note that the queue has these. A lease that ran out is over; its token is not used again."""
    db.execute(
        "update birthday.chunks set sent_at = clock_timestamp(), leased_until = null where id = any(%s)",
        (chunks,),
    )


_HOPELESS = """
select id, kind, cardinality(members) as size, token
  from birthday.chunks
 where token >= %(leases)s and (leased_until is null or leased_until < clock_timestamp())
 limit 1
   for update skip locked
"""


def hopeless(db: Connection[Any]) -> Chunk | None:
    """A chunk that nobody works on and that cost its workers their lives too often, held; or None."""
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_HOPELESS, {"leases": LEASES}).fetchone()


_SPLIT = """
with whole as (
    delete from birthday.chunks
     where id = %(chunk)s
 returning kind, members, seen, due_at
), part as (
    select array_agg(member order by number) as members
      from whole
     cross join unnest(members) with ordinality as m (member, number)
     group by (number - 1) * %(parts)s / cardinality(members)
)
insert into birthday.chunks (kind, members, seen, due_at)
select w.kind, p.members, w.seen, w.due_at
  from whole w
 cross join part p
"""


def split(db: Connection[Any], chunk: Chunk) -> int:
    """Put chunks of a tenth each in the place of a held one; how many. Who works on it records nothing."""
    return db.execute(_SPLIT, {"chunk": chunk.id, "parts": PARTS}).rowcount


_LEASE = """
update birthday.chunks
   set token = token + 1, leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
 where id = %(chunk)s and (leased_until is null or leased_until < clock_timestamp())
returning id, kind, cardinality(members) as size, token
"""


def lease(db: Connection[Any], chunk: UUID, *, seconds: float) -> Chunk | None:
    """Take the chunk for `seconds`; None when it is done or in other hands.

    Of two workers that ask at once one gets it. The token is the proof that settling asks for.
    """
    with db.cursor(row_factory=class_row(Chunk)) as cursor:
        return cursor.execute(_LEASE, {"chunk": chunk, "seconds": seconds}).fetchone()


def put_back(db: Connection[Any], chunks: Sequence[UUID]) -> None:
    """Have the next tick send these again: they were received, and nobody could begin."""
    db.execute(
        "update birthday.chunks set sent_at = null where id = any(%s) and leased_until is null",
        (list(chunks),),
    )
