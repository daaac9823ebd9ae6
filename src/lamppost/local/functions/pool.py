"""A function's sandboxes: grown on demand to its concurrency, shrunk when idle."""

import asyncio
import os
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine

from lamppost.declare import names
from lamppost.local import traces
from lamppost.local.functions.cores import LOOK_SECONDS, Cores
from lamppost.local.functions.nursery import Nursery
from lamppost.local.functions.sandbox import Invocation, Sandbox
from lamppost.local.functions.spec import Result, Spec, failure
from lamppost.local.traces import Traces
from lamppost.observe.log import Log

IDLE_SECONDS = 30.0
# A sandbox that has answered asks for more within a millisecond; another one takes ten to start.
RETURN_SECONDS = 0.02

Append = Callable[[str, str, list[str]], None]
# Hears of each invocation: the function, what it came to, and how many ran with it.
Invoked = Callable[[str, Result, int], None]


class Pool:
    """Invokes one function. A warm sandbox is kept as long as the runner lives."""

    def __init__(
        self, spec: Spec, nursery: Nursery, append: Append, log: Log, kept: Traces | None = None,
        *, invoked: Invoked | None = None,
    ) -> None:  # fmt: skip
        self.spec = spec
        self._nursery = nursery
        self._append = append
        self._log = log
        self._traces = kept or Traces()
        self._invoked = invoked
        self._running = 0
        self._sandboxes: set[Sandbox] = set()
        self._idle: deque[Sandbox] = deque()
        self._waiting: deque[Invocation] = deque()
        self._unborn: set[Sandbox] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._cores = Cores()
        self._looking = False

    async def invoke(self, payload: bytes, *, request_id: str = "") -> Result:
        """Run the function once on `payload` (JSON) and return what it gave."""
        with self._traces.work(self.spec.name, "invocation", traces.current.get()) as seen:
            running = self._running = self._running + 1
            try:
                result = await self._run_once(payload, request_id, seen.place.xray)
            finally:
                self._running -= 1
            if self._invoked is not None:
                self._invoked(self.spec.name, result, min(running, self.spec.limit))
            seen.fields["request_id"] = result.request_id
            if result.error is not None:
                seen.error = "throttled" if result.throttled else result.error
            return result

    async def _run_once(self, payload: bytes, request_id: str, trace: str) -> Result:
        loop = asyncio.get_running_loop()
        invocation = Invocation(request_id or str(uuid.uuid4()), payload, trace, loop.create_future())
        if self._closed:
            return _stopping()
        sandbox = self._take()
        if sandbox is not None:
            sandbox.give(invocation)
        elif sum(one.returning for one in self._sandboxes) > len(self._waiting):
            self._waiting.append(invocation)
            loop.call_later(RETURN_SECONDS, self._grow)
        elif self.spec.reserved and len(self._sandboxes) >= self.spec.limit:
            return failure("TooManyRequestsException", "Rate Exceeded.", throttled=True)
        else:
            self._waiting.append(invocation)
            self._grow()
        return await invocation.done

    def warm(self) -> None:
        """Start a first sandbox before anyone asks."""
        if all(sandbox.retiring for sandbox in self._sandboxes):
            self._start()

    def shrink(self) -> None:
        """End sandboxes that nobody has needed for a while; one stays warm."""
        now = time.monotonic()
        while len(self._idle) > 1 and now - self._idle[0].idle_since > IDLE_SECONDS:
            self._idle.popleft().kill()

    def replace(self, spec: Spec) -> None:
        """Run `spec` from the next invocation on; what is at work finishes with the old one."""
        self.spec = spec
        for sandbox in list(self._sandboxes):
            sandbox.retiring = True
            if sandbox.idle:
                sandbox.kill()
        self._idle.clear()

    def revive(self) -> None:
        """Start what the waiting need, after every sandbox was lost."""
        if self._waiting:
            self._grow()

    @property
    def busy(self) -> int:
        """Invocations at work or waiting."""
        return len(self._waiting) + sum(1 for sandbox in self._sandboxes if sandbox.current is not None)

    @property
    def size(self) -> int:
        """Sandboxes alive."""
        return len(self._sandboxes)

    async def retire(self) -> None:
        """Take nothing more; end when what is at work has finished."""
        self._closed = True
        while self.busy:
            await asyncio.sleep(0.05)
        await self.close()

    async def close(self) -> None:
        """End every sandbox; what is at work or waits is answered with an error."""
        self._closed = True
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done.done():
                waiting.done.set_result(_stopping())
        for sandbox in list(self._sandboxes):
            sandbox.kill()
        while self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
            if any(not task.done() for task in self._tasks):
                break

    # --- growing

    def _take(self) -> Sandbox | None:
        while self._idle:
            # The one used last is the warmest, and leaves the others to grow old and go.
            sandbox = self._idle.pop()
            if sandbox.idle and not sandbox.retiring:
                return sandbox
        return None

    def _grow(self) -> None:
        alive = sum(1 for sandbox in self._sandboxes if not sandbox.retiring)
        wanted = min(self.spec.limit, alive + len(self._waiting) - len(self._unborn))
        room = self._room(alive) if wanted > alive else alive
        for _ in range(min(wanted, room) - alive):
            self._start()
        if wanted > room:
            self._look_again()

    def _room(self, alive: int) -> int:
        """How many there may be now: one for each core, then twice as many while none waits for a core.

        More than the cores can run would share them, and each would be late.
        """
        if alive < self._cores.count:
            return self._cores.count
        pids = [sandbox.pid for sandbox in self._sandboxes if sandbox.pid]
        return alive if self._cores.short(pids) else 2 * alive

    def _look_again(self) -> None:
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._looked)

    def _looked(self) -> None:
        self._looking = False
        if not self._closed:
            self._grow()

    def _start(self) -> None:
        stream = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
        spec = self.spec

        def say(lines: list[str]) -> None:
            self._append(spec.name, stream, lines)

        sandbox = Sandbox(uuid.uuid4().hex, spec, names.function_arn(spec.name), say, self._freed)
        self._sandboxes.add(sandbox)
        self._unborn.add(sandbox)
        self._run(self._fork(sandbox, stream))

    async def _fork(self, sandbox: Sandbox, stream: str) -> None:
        await sandbox.listen()
        environment = {
            **sandbox.spec.environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{sandbox.port}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        }
        read, write = os.pipe()
        sandbox.watch(read)
        try:
            sandbox.pid = await self._nursery.fork(
                sandbox.name,
                environment,
                write,
                internet=sandbox.spec.entry.internet,
                ended=lambda code: self._run(self._buried(sandbox, code)),
            )
        finally:
            os.close(write)

    def _freed(self, sandbox: Sandbox) -> None:
        """A sandbox asks for its next event."""
        self._born(sandbox)
        if sandbox.retiring:
            sandbox.kill()
            self._grow()
            return
        if self._waiting:
            sandbox.give(self._waiting.popleft())
        elif sandbox.unable:
            # Its database let nobody more in: others, who are in, come first.
            self._idle.appendleft(sandbox)
        else:
            self._idle.append(sandbox)

    def _born(self, sandbox: Sandbox) -> bool:
        """Whether this is the first word from `sandbox`: it no longer counts as starting."""
        first = sandbox in self._unborn
        self._unborn.discard(sandbox)
        return first

    async def _buried(self, sandbox: Sandbox, code: int) -> None:
        await sandbox.ended(code)
        self._sandboxes.discard(sandbox)
        if self._born(sandbox):
            self._fail_one(sandbox, code)
        if self._waiting:
            self._grow()

    def _fail_one(self, sandbox: Sandbox, code: int) -> None:
        """A sandbox died in its init: the event that made it start gets the reason."""
        result = sandbox.init_error or failure(
            "Runtime.ExitError", f"Error: Runtime exited during init with exit status {code}"
        )
        if not sandbox.retiring:
            why = result.payload.decode("utf-8", "replace")
            self._log.error("function.init_failed", function=self.spec.name, why=why)
        if self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done.done():
                waiting.done.set_result(result)

    def _run(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _stopping() -> Result:
    return failure("ServiceException", "the function is being taken down", throttled=True)
