"""One function per statement of `queue_sql`: queues and messages in PostgreSQL."""

from typing import Any

from psycopg.types.json import Jsonb

from lamppost.local import queue_sql
from lamppost.local.queue_connections import Connections
from lamppost.local.queue_records import Counts, Handle, Outgoing, Redrive, Settings, Stored, Taken


class QueueStore:
    """Queues and messages in PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._db = connections

    async def load(self) -> list[Settings]:
        """Every queue there is."""
        return [_settings(row) for row in await self._db.fetch(queue_sql.LOAD)]

    async def declare(self, queue: Settings) -> Settings:
        """Create `queue`, or give the one of that name these attributes; its messages stay."""
        redrive = queue.redrive
        rows = await self._db.fetch(
            queue_sql.DECLARE,
            {
                "name": queue.name,
                "visibility": queue.visibility,
                "keep": queue.keep,
                "delay": queue.delay,
                "wait": queue.wait,
                "dead_name": redrive.dead_name if redrive else None,
                "attempts": redrive.attempts if redrive else None,
            },
        )
        return _settings(rows[0])

    async def drop(self, queue: str) -> None:
        """Delete a queue with its messages."""
        await self._db.fetch(queue_sql.DROP, {"queue": queue})

    async def send(self, queue: str, messages: list[Outgoing]) -> None:
        """Store `messages`; on return they survive anything. One with the id of an earlier one is dropped."""
        await self._db.fetch(
            queue_sql.SEND,
            {
                "queue": queue,
                "ids": [message.message_id for message in messages],
                "bodies": [message.body for message in messages],
                "attributes": [Jsonb(message.attributes) for message in messages],
                "system": [Jsonb(message.system_attributes) for message in messages],
                "delays": [message.delay for message in messages],
            },
        )

    async def take(self, queue: Settings, *, limit: int, visibility: int) -> Taken:
        """Receive up to `limit` messages and hide them for `visibility` seconds.

        Messages another receiver is taking right now are skipped. One that was received
        as often as its queue allows moves to the dead letters instead, with its first date.
        When PostgreSQL dies before it can answer, what it took stays hidden as if it had been
        received: it comes back, one attempt older.
        """
        rows = await self._db.fetch(
            queue_sql.TAKE,
            {
                "queue": queue.name,
                "keep": queue.keep,
                "limit": limit,
                "visibility": visibility,
                "dead_name": queue.redrive.dead_name if queue.redrive else None,
                "attempts": queue.redrive.attempts if queue.redrive else None,
            },
        )
        dead, next_in = rows[0][:2]
        return Taken([_stored(row[2:]) for row in rows if row[2] is not None], dead, next_in)

    async def delete(self, queue: str, handles: list[Handle]) -> None:
        """Delete each message whose latest receipt is given; a stale receipt deletes nothing."""
        ids, receipts = [id_ for id_, _ in handles], [receipt for _, receipt in handles]
        await self._db.fetch(queue_sql.DELETE, {"queue": queue, "ids": ids, "receipts": receipts})

    async def hide(self, queue: str, handles: list[Handle], seconds: list[int]) -> set[int]:
        """Hide messages in flight for so many seconds from now; returns the ids that were in flight."""
        ids, receipts = [id_ for id_, _ in handles], [receipt for _, receipt in handles]
        asked = {"queue": queue, "ids": ids, "receipts": receipts, "seconds": seconds}
        return {row[0] for row in await self._db.fetch(queue_sql.HIDE, asked)}

    async def purge(self, queue: str) -> int:
        """Delete every message; returns how many there were."""
        return int((await self._db.fetch(queue_sql.PURGE, {"queue": queue}))[0][0])

    async def counts(self, queue: Settings) -> Counts:
        """How many messages there are, by state."""
        return Counts(*(await self._db.fetch(queue_sql.COUNTS, {"queue": queue.name, "keep": queue.keep}))[0])

    async def release(self, queue: str) -> None:
        """Make what is in flight visible."""
        await self._db.fetch(queue_sql.RELEASE, {"queue": queue})

    async def peek(self, queue: Settings, *, limit: int) -> list[Stored]:
        """Messages, oldest first, whatever their state. Looking is not a receive."""
        asked = {"queue": queue.name, "keep": queue.keep, "limit": limit}
        return [_stored(row) for row in await self._db.fetch(queue_sql.PEEK, asked)]

    async def redrive(
        self, dead: str, *, target: str | None, otherwise: str | None, limit: int | None
    ) -> dict[str, int]:
        """Move visible dead letters to `target`, else to where each came from, else to `otherwise`.

        Returns how many went to which queue.
        """
        asked = {"queue": dead, "target": target, "otherwise": otherwise, "limit": limit}
        return {row[0]: row[1] for row in await self._db.fetch(queue_sql.REDRIVE, asked)}

    async def sweep(self) -> None:
        """Delete what outlived its queue's retention."""
        await self._db.fetch(queue_sql.SWEEP)


def _settings(row: tuple[Any, ...]) -> Settings:
    name, visibility, keep, delay, wait, dead_name, attempts, created_at, changed_at = row
    return Settings(
        name=name,
        visibility=visibility,
        keep=keep,
        delay=delay,
        wait=wait,
        redrive=Redrive(dead_name, attempts) if dead_name is not None else None,
        created_at=created_at,
        changed_at=changed_at,
    )


def _stored(row: tuple[Any, ...]) -> Stored:
    return Stored(**dict(zip(Stored.__struct_fields__, row, strict=True)))
