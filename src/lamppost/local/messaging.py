"""The declared queues, their dead letters and failures, and the functions they wake."""

import asyncio

from lamppost.declare import limits, names
from lamppost.derive.manifest import Manifest, QueueEntry, ServiceEntry
from lamppost.local.functions.lambdas import Lambdas
from lamppost.local.queues import Queues
from lamppost.local.sources import EventSource

_LONGEST = int(limits.RETENTION_MAX.total_seconds())
_VISIBILITY = int(limits.VISIBILITY_DEFAULT.total_seconds())


class Messaging:
    """Keeps queues and event sources as the manifest says."""

    def __init__(self, queues: Queues, lambdas: Lambdas) -> None:
        self._queues = queues
        self._lambdas = lambdas
        self._sources: dict[str, tuple[tuple[str, QueueEntry], EventSource]] = {}

    async def declare(self, manifest: Manifest) -> None:
        """Make or change every queue that `manifest` names or implies."""
        for service in manifest.services:
            for queue in service.queues:
                dead = await self._queue(names.dead_letters(queue.name), _VISIBILITY, queue.dead_keep)
                await self._queue(queue.name, queue.visibility, queue.keep, (dead, queue.attempts))
            for function in service.functions:
                if function.kind in ("schedule", "invoke"):
                    await self._queue(names.failures(function.named), _VISIBILITY, _LONGEST)

    async def _queue(
        self, logical: str, visibility: int, keep: int, redrive: tuple[str, int] | None = None
    ) -> str:
        name, *aliases = names.local_names(logical)
        await self._queues.declare(name, tuple(aliases), visibility=visibility, keep=keep, redrive=redrive)
        return name

    async def connect(self, manifest: Manifest) -> None:
        """Let each queue wake its function; what is no longer declared stops."""
        wanted = {
            names.physical(queue.name, names.LOCAL_ENV): (_function(service, queue), queue)
            for service in manifest.services
            for queue in service.queues
            if queue.runs
        }
        for name in list(self._sources):
            if wanted.get(name) != self._sources[name][0]:
                await self._sources.pop(name)[1].drain()
        for name, (function, queue) in wanted.items():
            if name not in self._sources:
                # Whoever held a message died with the last runner: it need not wait out its visibility.
                await self._queues.release(name)
                source = EventSource(
                    self._queues,
                    self._lambdas,
                    name,
                    function,
                    batch=queue.batch,
                    concurrency=queue.concurrency,
                )
                self._sources[name] = ((function, queue), source)
                source.start()

    @property
    def quiet(self) -> bool:
        """Whether no queue has anything to give and no batch is at work."""
        return all(source.idle for _, source in self._sources.values())

    async def drain(self) -> None:
        """Take no more messages; batches at work finish."""
        await asyncio.gather(*(source.drain() for _, source in self._sources.values()))


def _function(service: ServiceEntry, queue: QueueEntry) -> str:
    return names.physical(service.function(str(queue.runs)).named, names.LOCAL_ENV)
