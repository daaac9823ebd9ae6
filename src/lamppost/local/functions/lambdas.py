"""All functions of the local system: what the AWS port, the gateway, the queues and the clock invoke."""

import asyncio
import secrets
from collections.abc import Callable

import msgspec

from lamppost.declare import names
from lamppost.derive.environment import environment
from lamppost.derive.grants import Grant, grants
from lamppost.derive.manifest import FunctionEntry, Manifest, ServiceEntry
from lamppost.local.functions.nursery import Nursery
from lamppost.local.functions.pool import Append, Invoked, Pool
from lamppost.local.functions.spec import Result, Spec, failure
from lamppost.local.traces import Traces
from lamppost.observe.log import Log

# This machine's share where no concurrency is reserved; AWS's default is 1,000 for the account.
UNRESERVED = 16


class Key(msgspec.Struct, frozen=True):
    """The credentials one function runs with: the AWS port knows it by them."""

    access_key: str
    secret_key: str
    token: str


Environment = Callable[[ServiceEntry, FunctionEntry, Key], dict[str, str]]
Register = Callable[[Key, str, tuple[Grant, ...]], None]


class Override(msgspec.Struct, frozen=True):
    """What an operator changed with UpdateFunctionConfiguration, until the next start."""

    environment: dict[str, str] | None = None
    timeout: float | None = None
    memory_mb: int | None = None


class Lambdas:
    """Functions by their dev names."""

    def __init__(
        self, nursery: Nursery, append: Append, environment: Environment, register: Register, log: Log,
        *, traces: Traces | None = None, invoked: Invoked | None = None,
    ) -> None:  # fmt: skip
        self._nursery = nursery
        self._append = append
        self._environment = environment
        self._register = register
        self._log = log
        self._traces = traces
        self._invoked = invoked
        self._pools: dict[str, Pool] = {}
        self._keys: dict[str, Key] = {}
        self._overrides: dict[str, Override] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def describe(self, manifest: Manifest, changed: Callable[[str], bool] = lambda _: False) -> None:
        """Run the functions of `manifest` from now on; sandboxes of `changed` services are replaced."""
        wanted: dict[str, Spec] = {}
        for service in manifest.services:
            for function in service.functions:
                spec = self._spec(service, function)
                wanted[spec.name] = spec
        for name, spec in wanted.items():
            pool = self._pools.get(name)
            if pool is None:
                self._pools[name] = Pool(
                    spec, self._nursery, self._append, self._log, self._traces, invoked=self._invoked
                )
            elif changed(spec.service.name) or pool.spec != spec:
                pool.replace(spec)
        for name in self._pools.keys() - wanted.keys():
            leaving = asyncio.get_running_loop().create_task(self._pools.pop(name).retire())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    def _spec(self, service: ServiceEntry, function: FunctionEntry) -> Spec:
        name = names.physical(function.named, names.LOCAL_ENV)
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = Key(
                f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30), secrets.token_urlsafe(48)
            )
        self._register(key, name, grants(service, function, env=names.LOCAL_ENV))
        override = self._overrides.get(name, Override())
        variables = self._environment(service, function, key)
        return Spec(
            name=name,
            service=service,
            entry=function,
            environment={**variables, **(override.environment or {})},
            timeout=override.timeout or function.timeout,
            memory_mb=override.memory_mb or function.memory_mb,
            limit=function.concurrency or _limit(service, function),
            reserved=function.concurrency is not None,
        )

    async def invoke(self, name: str, payload: bytes, *, request_id: str = "") -> Result:
        """Run the function of this dev name and wait for what it gives."""
        pool = self._pools.get(name)
        if pool is None:
            return failure("ResourceNotFoundException", f"Function not found: {names.function_arn(name)}")
        return await pool.invoke(payload, request_id=request_id)

    def override(self, name: str, change: Override) -> Spec:
        """Change a function's configuration as UpdateFunctionConfiguration does: its sandboxes restart."""
        known = self._overrides.get(name, Override())
        self._overrides[name] = Override(
            known.environment if change.environment is None else change.environment,
            change.timeout or known.timeout,
            change.memory_mb or known.memory_mb,
        )
        pool = self._pools[name]
        pool.replace(self._spec(pool.spec.service, pool.spec.entry))
        return pool.spec

    def declared_environment(self, name: str) -> dict[str, str]:
        """The function's variables as its owner set them: the declared ones, or the operator's instead."""
        spec = self._pools[name].spec
        declared = environment(spec.service, spec.entry, stage=names.LOCAL, env=names.LOCAL_ENV)
        override = self._overrides.get(name, Override())
        return declared if override.environment is None else override.environment

    def spec(self, name: str) -> Spec | None:
        """The function of this dev name."""
        pool = self._pools.get(name)
        return pool.spec if pool else None

    def names(self) -> list[str]:
        """All dev names."""
        return list(self._pools)

    def pools(self) -> dict[str, Pool]:
        """Each function's pool, by dev name."""
        return self._pools

    def warm(self, kinds: tuple[str, ...]) -> None:
        """Start a sandbox of each function of these kinds."""
        for pool in self._pools.values():
            if pool.spec.entry.kind in kinds:
                pool.warm()

    def revive(self) -> None:
        """Start sandboxes for whoever still waits, after the zygote was replaced."""
        for pool in self._pools.values():
            pool.revive()

    def shrink(self) -> None:
        """End sandboxes nobody needs."""
        for pool in self._pools.values():
            pool.shrink()

    @property
    def busy(self) -> int:
        """Invocations at work or waiting, in all functions."""
        return sum(pool.busy for pool in self._pools.values())

    async def close(self) -> None:
        """End everything."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()), *self._leaving)


def _limit(service: ServiceEntry, function: FunctionEntry) -> int:
    """A queue's workers grow to the queue's concurrency; the rest to this machine's share."""
    for queue in service.queues:
        if queue.runs == function.name:
            return queue.concurrency
    return UNRESERVED
