"""The whole system: what it is, where its databases are, and its end."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare import names
from lamppost.local.orders.kinds import Arguments, Order
from lamppost.local.orders.queues import Queueing

if TYPE_CHECKING:
    from lamppost.local.system import System


class Overview:
    """Orders about the system itself."""

    def __init__(self, system: "System", stop: Callable[[], None]) -> None:
        self._system = system
        self._stop = stop
        self._queueing = Queueing(system)

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "status": self._status,
            "down": self._down,
            "db/urls": self._db_urls,
        }

    async def _status(self, _: Arguments) -> Any:
        system = self._system
        functions = [
            {
                "name": name,
                "kind": pool.spec.entry.kind,
                "timeout_s": pool.spec.timeout,
                "memory_mb": pool.spec.memory_mb,
                "sandboxes": pool.size,
                "busy": pool.busy,
            }
            for name, pool in sorted(system.lambdas.pools().items())
        ]
        return {
            "running": system.announced.public(),
            "clock": {"now": system.clock.now(), "shift_s": system.clock.shift.total_seconds()},
            "postgres": {
                "version": system.cluster.version,
                "alive": await asyncio.to_thread(system.cluster.alive),
            },
            "functions": functions,
            "queues": await self._queueing.listed(),
            "databases": sorted(system.manifest.databases()),
        }

    async def _down(self, _: Arguments) -> Any:
        # After the answer is on its way.
        asyncio.get_running_loop().call_later(0.05, self._stop)
        return {"pid": self._system.announced.pid}

    async def _db_urls(self, _: Arguments) -> Any:
        system = self._system
        urls = {}
        for name, (database, _services) in system.manifest.databases().items():
            raw = system.settings.secrets.get(names.physical(database.secret, names.LOCAL_ENV)) or "{}"
            secret = msgspec.json.decode(raw)
            urls[name] = {
                "app": system.cluster.dsn(name, user=secret["username"], password=secret["password"]),
                "admin": system.cluster.dsn(name),
            }
        return urls
