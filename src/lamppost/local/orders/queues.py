"""Queues, looked into."""

from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.local.orders.kinds import Arguments, Order
from lamppost.local.queue_records import Stored

if TYPE_CHECKING:
    from lamppost.local.system import System


class Queueing:
    """Orders about queues."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "queue/list": self._list,
            "queue/peek": self._peek,
        }

    async def _list(self, _: Arguments) -> Any:
        return await self.listed()

    async def listed(self) -> list[dict[str, object]]:
        """Every queue with how much waits in it."""
        queues = self._system.queues
        listed = []
        for name in queues.names():
            counts = await queues.counts(name)
            listed.append(
                {
                    "name": name,
                    "visible": counts.visible,
                    "in_flight": counts.in_flight,
                    "delayed": counts.delayed,
                    "oldest_s": round(counts.oldest, 1),
                }
            )
        return listed

    async def _peek(self, given: Arguments) -> Any:
        peeked = await self._system.queues.peek(given["queue"], limit=int(given.get("limit", 10)))
        return [_message(message) for message in peeked]


def _message(message: Stored) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(message.body)
    except msgspec.DecodeError:
        body = message.body
    return {
        "id": str(message.message_id),
        "sent_at": message.sent_at,
        "receives": message.receives,
        "visible_at": message.visible_at,
        "attributes": message.attributes,
        "body": body,
    }
