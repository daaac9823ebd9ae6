"""Queues that survive `kill -9`: SQS's standard queue on PostgreSQL.

A message is stored before its sender hears of it, hidden while someone works on it, and
back when its visibility ends. Who waits is woken by the send itself, not by polling.
"""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from lamppost.errors import OperatorError
from lamppost.local.aliases import Aliases
from lamppost.local.bells import Bell, wait
from lamppost.local.queue_connections import Connections
from lamppost.local.queue_letters import Letters
from lamppost.local.queue_records import Counts, Handle, Outgoing, Redrive, Settings, Stored
from lamppost.local.queue_store import QueueStore

SWEEP_SECONDS = 60.0
# A laptop that sleeps stops asyncio's clock but not PostgreSQL's: look again at least this often.
LOOK_AGAIN_SECONDS = 5.0


class QueueMissing(OperatorError):
    """No queue has this name."""

    code = "queue_missing"


class QueueInUse(OperatorError):
    """Another queue's dead letters come here."""

    code = "queue_in_use"


class ReceiptInvalid(OperatorError):
    """A receipt handle that this queue never gave out."""

    code = "receipt_invalid"


class Queues:
    """Every queue of the local system. Names may be aliases; times are seconds."""

    def __init__(self) -> None:
        self.aliases = Aliases()
        self._known: dict[str, Settings] = {}
        self._bells: dict[str, Bell] = {}
        self._connections: Connections | None = None
        self._store: QueueStore | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        # Hears what was `Sent`, `Received` or `Deleted`, where, and how many.
        self.moved: Callable[[str, str, int], None] = lambda *_: None

    async def open(self, conninfo: str, *, connections: int = 4, patience: float = 5.0) -> None:
        """Connect and load what is there.

        Raises `QueuesUnavailable` when PostgreSQL stays away for `patience` seconds, now and later.
        """
        self._connections = Connections(conninfo, size=connections, patience=patience)
        self._store = QueueStore(self._connections)
        self._known = {queue.name: queue for queue in await self._store.load()}
        self._sweeper = asyncio.create_task(self._sweep_forever())

    async def close(self) -> None:
        """Let go of the database; messages stay where they are."""
        # Not cancelled: a connection given up while it logs in would hold the server for its login's time.
        self._closing.set()
        await asyncio.gather(*filter(None, [self._sweeper]))
        for bell in self._bells.values():
            bell.silence()
        if self._connections is not None:
            await self._connections.close()

    async def declare(
        self,
        name: str,
        aliases: tuple[str, ...] = (),
        *,
        visibility: int,
        keep: int,
        delay: int = 0,
        wait: int = 0,
        redrive: tuple[str, int] | None = None,
    ) -> Settings:
        """Create the queue `name`, or give it these attributes. `redrive` is (dead queue, attempts).

        The dead queue is declared first. Declaring again changes nothing.
        """
        self.aliases.add((name, *aliases))
        moved = Redrive(self.settings(redrive[0]).name, redrive[1]) if redrive else None
        settings = Settings(
            name=name, visibility=visibility, keep=keep, delay=delay, wait=wait, redrive=moved
        )
        known = self._known.get(name)
        if known is None or _attributes(known) != _attributes(settings):
            known = self._known[name] = await self._open_store.declare(settings)
        self._bell(name).ring()
        return known

    async def drop(self, name: str) -> None:
        """Delete a queue with everything in it."""
        queue = self.settings(name)
        sources = self.sources(name)
        if sources:
            raise QueueInUse(
                f"queue {queue.name!r} takes the dead letters of {', '.join(sources)}",
                fix="remove their redrive policy first",
            )
        await self._open_store.drop(queue.name)
        del self._known[queue.name]
        self._bell(queue.name).ring()

    def names(self) -> list[str]:
        """The canonical names of all queues, sorted."""
        return sorted(self._known)

    def settings(self, name: str) -> Settings:
        """The attributes of the queue `name`. Raises `QueueMissing`."""
        found = self._known.get(self.aliases.canonical(name))
        if found is None:
            raise QueueMissing(
                f"queue {name!r} does not exist", fix="lamppost queue list names those that do"
            )
        return found

    def sources(self, dead: str) -> list[str]:
        """The queues whose dead letters come here, sorted."""
        name = self.settings(dead).name
        return sorted(q.name for q in self._known.values() if q.redrive and q.redrive.dead_name == name)

    async def send(self, name: str, messages: list[Outgoing]) -> None:
        """Store `messages`, all or none; on return they are safe. Who waits for them wakes at once."""
        queue = self.settings(name)
        await self._open_store.send(queue.name, messages)
        self.moved("Sent", queue.name, len(messages))
        bell = self._bell(queue.name)
        delays = [message.delay for message in messages]
        if min(delays) == 0:
            bell.ring()
        later = [delay for delay in delays if delay]
        if later:
            bell.ring_in(min(later))

    async def take(self, name: str, *, limit: int, visibility: int | None = None) -> list[Stored]:
        """Receive up to `limit` messages that are visible now, hidden from others for `visibility`."""
        queue = self.settings(name)
        hidden = queue.visibility if visibility is None else visibility
        bell = self._bell(queue.name)
        while True:
            taken = await self._open_store.take(queue, limit=limit, visibility=hidden)
            if taken.messages:
                self.moved("Received", queue.name, len(taken.messages))
                bell.ring_in(hidden)
            if taken.next_in is not None:
                bell.ring_in(min(taken.next_in, LOOK_AGAIN_SECONDS))
            if taken.dead and queue.redrive:
                self._bell(queue.redrive.dead_name).ring()
            if taken.messages or not taken.dead:
                return taken.messages

    async def receive(
        self, name: str, *, limit: int, visibility: int | None = None, wait_seconds: float | None = None
    ) -> list[Stored]:
        """`take`, waiting up to `wait_seconds` (the queue's own by default) for a first message."""
        queue = self.settings(name)
        patience = queue.wait if wait_seconds is None else wait_seconds
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            news = self.listen(name)
            messages = await self.take(name, limit=limit, visibility=visibility)
            left = deadline - asyncio.get_running_loop().time()
            if messages or left <= 0:
                return messages
            await wait(news, left)

    def listen(self, name: str) -> asyncio.Event:
        """Set when something may have become visible. Listen before you take."""
        return self._bell(self.settings(name).name).listen()

    def wake(self, name: str) -> None:
        """Let everyone who waits for messages of this queue look again."""
        self._bell(self.settings(name).name).ring()

    async def delete(self, name: str, handles: list[str]) -> None:
        """Delete by receipt handle. A stale handle deletes nothing. Raises `ReceiptInvalid`."""
        queue = self.settings(name)
        await self._open_store.delete(queue.name, [read_handle(handle) for handle in handles])
        self.moved("Deleted", queue.name, len(handles))

    async def change_visibility(self, name: str, handles: list[str], seconds: list[int]) -> list[bool]:
        """Hide messages for so long from now; tells for each whether it was in flight."""
        queue = self.settings(name)
        read = [read_handle(handle) for handle in handles]
        hidden = await self._open_store.hide(queue.name, read, seconds)
        self._bell(queue.name).ring_in(min(seconds))
        return [id_ in hidden for id_, _ in read]

    async def purge(self, name: str) -> int:
        """Delete every message; returns how many."""
        return await self._open_store.purge(self.settings(name).name)

    async def counts(self, name: str) -> Counts:
        """How many messages there are, by state."""
        return await self._open_store.counts(self.settings(name))

    async def release(self, name: str) -> None:
        """Make what is in flight visible again: for a runner that knows that every receiver is dead."""
        queue = self.settings(name)
        await self._open_store.release(queue.name)
        self._bell(queue.name).ring()

    async def peek(self, name: str, *, limit: int = 10) -> list[Stored]:
        """Messages, oldest first, in whatever state. Looking is not a receive."""
        return await self._open_store.peek(self.settings(name), limit=limit)

    async def redrive(
        self, dead: str, *, target: str | None = None, limit: int | None = None
    ) -> dict[str, int]:
        """Move dead letters back to where they came from, or all to `target`; counts by queue.

        A letter that was sent to the dead queue directly has no origin: it goes to the queue
        whose dead letters these are, when there is exactly one. (AWS leaves it where it is.)
        """
        sources = self.sources(dead)
        moved = await self._open_store.redrive(
            self.settings(dead).name,
            target=self.settings(target).name if target else None,
            otherwise=sources[0] if len(sources) == 1 else None,
            limit=limit,
        )
        for queue in moved:
            self._bell(queue).ring()
        return moved

    @property
    def letters(self) -> Letters:
        """Single messages, for operators. Who moves some wakes those who wait for them."""
        if self._connections is None:
            raise _closed()
        return Letters(self._connections)

    @property
    def _open_store(self) -> QueueStore:
        if self._store is None:
            raise _closed()
        return self._store

    def _bell(self, name: str) -> Bell:
        return self._bells.setdefault(name, Bell())

    async def _sweep_forever(self) -> None:
        while not self._closing.is_set():
            try:
                await self._open_store.sweep()
            except OperatorError:
                pass  # PostgreSQL is away; whoever needs it says so, and a later sweep does the work
            await wait(self._closing, SWEEP_SECONDS)


def handle_of(message: Stored) -> str:
    """The receipt handle of a received message."""
    assert message.receipt is not None
    return base64.b64encode(f"{message.id}:{message.receipt.hex}".encode()).decode()


def read_handle(handle: str) -> Handle:
    """What `handle_of` wrote. Raises `ReceiptInvalid`."""
    try:
        id_, _, receipt = base64.b64decode(handle, validate=True).decode("ascii").partition(":")
        return min(int(id_), 2**63 - 1), UUID(hex=receipt)
    except ValueError as wrong:
        raise ReceiptInvalid(
            f'The input receipt handle "{handle[:100]}" is not a valid receipt handle.',
            fix="pass the ReceiptHandle of the message's latest receive",
        ) from wrong


def milliseconds(moment: datetime) -> int:
    """`moment` as SQS writes it: milliseconds since 1970."""
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _closed() -> OperatorError:
    return OperatorError("the queues are not open yet", fix="await Queues.open(conninfo) first")


def _attributes(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, created_at=None, changed_at=None)
