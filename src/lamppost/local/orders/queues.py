"""Queues, looked into, and their letters, moved and dropped."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lamppost.errors import OperatorError
from lamppost.local.orders.kinds import Arguments, Order

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
            "queue/about": self._about,
            "queue/look": self._look,
            "queue/bring-back": self._bring_back,
            "queue/arrived": self._arrived,
            "queue/elsewhere": self._elsewhere,
            "queue/drop": self._drop,
            "queue/purge": self._purge,
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

    async def _about(self, given: Arguments) -> Any:
        """A queue's name, how much is in it, whose dead letters come here, and the queues' time."""
        queues = self._system.queues
        queue = queues.settings(given["queue"])
        counts = await queues.counts(queue.name)
        homes = [queues.settings(name) for name in _homes(self._system, queue.name, given.get("target"))]
        return {
            "name": queue.name,
            "now": await queues.letters.now(),
            "messages": counts.visible + counts.in_flight + counts.delayed,
            "homes": [home.name for home in homes],
            "trial_s": max((h.visibility * h.redrive.attempts for h in homes if h.redrive), default=0),
        }

    async def _look(self, given: Arguments) -> Any:
        queue = self._system.queues.settings(given["queue"])
        after = (
            (datetime.fromisoformat(given["after"][0]), int(given["after"][1])) if given["after"] else None
        )
        return await self._system.queues.letters.look(
            queue.name, keep=queue.keep, after=after, limit=int(given["limit"])
        )

    async def _bring_back(self, given: Arguments) -> Any:
        queues = self._system.queues
        dead = queues.settings(given["queue"]).name
        target = queues.settings(given["target"]).name if given["target"] else None
        homes = _homes(self._system, dead, target)
        moved = await queues.letters.bring_back(
            dead,
            [(UUID(old), UUID(new)) for old, new in given["pairs"]],
            target=target,
            otherwise=homes[0] if len(homes) == 1 else None,
        )
        for name in set(moved.values()):
            queues.wake(name)
        return {str(id_): name for id_, name in moved.items()}

    async def _arrived(self, given: Arguments) -> Any:
        queues = self._system.queues
        name = queues.settings(given["queue"]).name
        return await queues.letters.arrived(name, datetime.fromisoformat(given["since"]))

    async def _elsewhere(self, given: Arguments) -> Any:
        queues = self._system.queues
        name = queues.settings(given["queue"]).name
        return await queues.letters.elsewhere(name, [UUID(id_) for id_ in given["ids"]])

    async def _drop(self, given: Arguments) -> Any:
        queues = self._system.queues
        name = queues.settings(given["queue"]).name
        return await queues.letters.drop(name, [UUID(id_) for id_ in given["ids"]])

    async def _purge(self, given: Arguments) -> Any:
        return await self._system.queues.purge(given["queue"])


def _homes(system: "System", dead: str, target: str | None) -> list[str]:
    """Where letters of `dead` may go: `target`, or the queues whose dead letters they are."""
    if target is None:
        return system.queues.sources(dead)
    if system.queues.settings(target).name == dead:
        raise OperatorError(
            f"{dead} cannot be emptied into itself", fix="name another queue, or none", code="queue_same"
        )
    return [system.queues.settings(target).name]
