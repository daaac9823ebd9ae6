"""A scheduler or a worker that kills itself with SIGKILL at one named point. Run as a program by its test."""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from lamppost.declare.events import Tick
from lamppost.delivery import sending
from services.birthday import scheduler, worker
from services.birthday.store import chunks, claiming, settling
from tests.birthday import FakeContext, batch_of

# Point to (module, function, whether the function's work is done before the end).
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before the claim": (claiming, "claim_due", False),
    "after the claim, before its commit": (claiming, "claim_due", True),
    "after the commit, before the relay": (chunks, "to_relay", False),
    "after sending, before marking": (chunks, "mark_sent", False),
    "after marking, before the commit": (chunks, "mark_sent", True),
    "before the lease": (chunks, "lease", False),
    "after the lease, before its commit": (chunks, "lease", True),
    "before the posts": (sending, "send", False),
    "after the posts, before the record": (sending, "send", True),
    "after the record, before its commit": (settling, "settle_first", True),
    "after the record": (worker, "report", False),
}


class Child(FakeContext):
    """Sends into a file, as a queue that outlives its sender."""

    def __init__(self, conninfo: str, queue: Path) -> None:
        super().__init__(conninfo)
        self.file = queue

    def send(self, queue: str, *bodies: Any) -> None:
        with self.file.open("ab") as file:
            for body in bodies:
                file.write(msgspec.json.encode([queue, body]) + b"\n")


def die_at(point: str) -> None:
    """Arm the point: the first call that gets there is the last thing this process does."""
    module, name, done = POINTS[point]
    real: Callable[..., Any] = getattr(module, name)

    def last(*arguments: Any, **named: Any) -> Any:
        if done:
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(module, name, last)


def main() -> None:
    conninfo, hook, queue, point = sys.argv[1:]
    ctx = Child(conninfo, Path(queue))
    ctx.parameters["/bday/webhook-url"] = hook
    die_at(point)
    scheduler.collect_due(Tick(datetime.now(UTC)), ctx)
    lines = [json.loads(line) for line in Path(queue).read_bytes().splitlines()]
    worker.deliver(batch_of(*(body for name, body in lines if name == "bday-messages")), ctx)


if __name__ == "__main__":
    main()
