"""One transaction around a whole handler: its blocks join it, and its messages wait for the commit.

Without an Idempotency-Key each `ctx.transaction()` commits for itself and each `ctx.send` sends at once.
With one, the key, the effects and the answer are one fact, and a message about it may not go out before.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lamppost.observe.log import Log

if TYPE_CHECKING:
    from psycopg import Connection

# What `lamppost.db.tenancy` says for one transaction. A savepoint keeps it when it is released.
FORGET = (
    "select set_config('app.tenant_id', '', true), set_config('app.user_id', '', true),"
    " set_config('app.role', '', true)"
)


class Joined:
    """The open transaction of one request, and what it will send once it is committed."""

    def __init__(self, connection: "Connection[Any]") -> None:
        self._connection = connection
        self._one_at_a_time = threading.RLock()
        self._depth = 0
        self._used = False
        self._held: list[tuple[str, str, list[str]]] = []

    @contextmanager
    def block(self) -> Iterator["Connection[Any]"]:
        """A savepoint: what raises inside is undone by itself, what does not is committed at the end.

        A block begins without a tenant, as a transaction of its own would. Threads take turns, since
        savepoints nest in the order in which they were made.
        """
        with self._one_at_a_time:
            factory = self._connection.row_factory
            if self._used and not self._depth:
                self._connection.execute(FORGET)
            self._used = True
            self._depth += 1
            try:
                with self._connection.transaction():
                    yield self._connection
            finally:
                self._depth -= 1
                self._connection.row_factory = factory

    def hold(self, queue: str, account: str, messages: list[str]) -> None:
        """Keep messages that are ready to go to the queue of this physical name."""
        self._held.append((queue, account, messages))

    def send_all(self, log: Log) -> None:
        """Send what was held. The transaction is committed.

        The caller's answer stands whatever the queue says: the effect has happened, and asking again would
        only show the same answer. So what is not sent is logged, and found by whoever reads the tables.
        """
        from lamppost.runtime import queues

        for queue, account, messages in self._held:
            try:
                queues.send_encoded(queue, account, messages)
            except Exception as error:
                log.error(
                    "message.unsent_after_commit",
                    queue=queue,
                    messages=len(messages),
                    error=str(error).partition("\n")[0],
                )
