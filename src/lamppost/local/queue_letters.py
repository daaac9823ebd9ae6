"""What operators do to single messages: look at them, bring them back, drop them.

A message is named by its id, as on SQS. Each of these is one statement, so whoever asks may be
killed at any moment: a message is where it was or where it should be, once.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from lamppost.local.queue_connections import Connections

NOW = "select now()"

LOOK = """
select id, message_id, body, attributes, sent_at, receives, origin,
       case when visible_at <= now() then 'visible' when receipt is null then 'delayed' else 'in flight' end
  from local.messages
 where queue = %(queue)s
   and sent_at > now() - make_interval(secs => %(keep)s)
   and (sent_at, id) > (coalesce(%(after_sent)s::timestamptz, '-infinity'), %(after_id)s)
 order by sent_at, id
 limit %(limit)s"""

# As on AWS a message that is brought back starts anew: new id, new date, no receives. The new ids
# come with the order, so that one repeated after a lost connection finds what it did before.
BRING_BACK = """
  with picked as (
       select m.id, b.new_id, coalesce(%(target)s::text, m.origin, %(otherwise)s::text) as home
         from unnest(%(ids)s::uuid[], %(new_ids)s::uuid[]) as b (message_id, new_id)
         join local.messages as m on m.message_id = b.message_id
        where m.queue = %(queue)s
          and m.visible_at <= now()
          and coalesce(%(target)s::text, m.origin, %(otherwise)s::text) in (select name from local.queues)
          for update of m skip locked
     ), moved as (
       update local.messages as m
          set queue = picked.home, origin = null, message_id = picked.new_id, sent_at = now(),
              visible_at = now(), receives = 0, first_received_at = null, receipt = null
         from picked
        where m.id = picked.id
    returning m.message_id, m.queue
     )
select message_id, queue from moved
 union all
select message_id, queue from local.messages where message_id = any(%(new_ids)s::uuid[])"""

ARRIVED = """
select message_id, encode(sha256(convert_to(body, 'UTF8')), 'hex')
  from local.messages
 where queue = %(queue)s and sent_at >= %(since)s
 order by sent_at, id"""

ELSEWHERE = """
select count(*) from local.messages where message_id = any(%(ids)s::uuid[]) and queue <> %(queue)s"""

DROP = """
  with gone as (
       delete from local.messages
        where queue = %(queue)s and message_id = any(%(ids)s::uuid[])
    returning 1
     )
select count(*) from gone"""


class Lying(msgspec.Struct, frozen=True):
    """A message where it lies. `origin` is the queue that a dead letter came from."""

    number: int
    message_id: UUID
    body: str
    attributes: dict[str, Any]
    sent_at: datetime
    receives: int
    origin: str | None
    state: str


class Letters:
    """Single messages of the queues in PostgreSQL. Queues are given by their own names, not by aliases."""

    def __init__(self, connections: Connections) -> None:
        self._db = connections

    async def now(self) -> datetime:
        """The queues' time."""
        at: datetime = (await self._db.fetch(NOW))[0][0]
        return at

    async def look(
        self, queue: str, *, keep: int, after: tuple[datetime, int] | None, limit: int
    ) -> list[Lying]:
        """Messages in whatever state, oldest first, from the one behind `after` (date, number)."""
        sent, number = after or (None, 0)
        asked = {"queue": queue, "keep": keep, "after_sent": sent, "after_id": number, "limit": limit}
        return [Lying(*row) for row in await self._db.fetch(LOOK, asked)]

    async def bring_back(
        self, dead: str, pairs: list[tuple[UUID, UUID]], *, target: str | None, otherwise: str | None
    ) -> dict[UUID, str]:
        """Move letters (id, new id) to `target`, else to where each came from, else to `otherwise`.

        Returns the new ids and their queues. What somebody is receiving or has moved stays out of it.
        """
        ids, new = [old for old, _ in pairs], [new for _, new in pairs]
        asked = {"queue": dead, "ids": ids, "new_ids": new, "target": target, "otherwise": otherwise}
        return {row[0]: row[1] for row in await self._db.fetch(BRING_BACK, asked)}

    async def arrived(self, queue: str, since: datetime) -> list[tuple[UUID, str]]:
        """Id and SHA-256 (hex) of the body of every message sent since then."""
        return [(row[0], row[1]) for row in await self._db.fetch(ARRIVED, {"queue": queue, "since": since})]

    async def elsewhere(self, queue: str, ids: list[UUID]) -> int:
        """How many of these messages lie in other queues than this."""
        return int((await self._db.fetch(ELSEWHERE, {"queue": queue, "ids": ids}))[0][0])

    async def drop(self, queue: str, ids: list[UUID]) -> int:
        """Delete messages, whatever their state; how many there were."""
        return int((await self._db.fetch(DROP, {"queue": queue, "ids": ids}))[0][0])
