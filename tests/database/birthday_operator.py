"""A process that asks one thing of the birthday's operations, and may kill itself on the way. For tests.

    python -m tests.database.birthday_operator CONNINFO WEBHOOK '{"action": ...}' [POINT]

With the action `create` it registers people, each as the request's `people` says.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from services.birthday import api, operations, scheduler
from services.birthday.store import chunks, claiming, moving, replaying
from tests.birthday import FakeContext

# Point to (module, function, its how-manieth call, whether that call's work is done before the end).
POINTS: dict[str, tuple[Any, str, int, bool]] = {
    "after the replay, before its commit": (replaying, "replay", 1, True),
    "after the replay's commit": (scheduler, "claim_retries", 1, False),
    "after the claim, before its commit": (claiming, "claim_retries", 1, True),
    "after the claim's commit, before the relay": (chunks, "to_relay", 1, False),
    "after sending, before marking": (chunks, "mark_sent", 1, False),
    "after moving, before the commit": (moving, "move", 1, True),
    "after the first portion's commit": (moving, "move", 2, False),
    "after the second portion, before its commit": (moving, "move", 2, True),
}


def die_at(point: str) -> None:
    """Arm the point: the call that gets there is the last thing this process does."""
    module, name, number, done = POINTS[point]
    real: Callable[..., Any] = getattr(module, name)
    calls = 0

    def last(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < number:
            return real(*arguments, **named)
        if done:
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    setattr(module, name, last)


def main() -> None:
    conninfo, hook, request, *point = sys.argv[1:]
    moving.PORTION = 2
    ctx = FakeContext(conninfo)
    ctx.parameters["/bday/webhook-url"] = hook
    event = json.loads(request)
    if event["action"] == "create":
        for person in event["people"]:
            api.create_user(msgspec.convert(person, api.NewPerson), ctx)
        return
    if point:
        die_at(point[0])
    sys.stdout.write(json.dumps(operations.operate(event, ctx)))


if __name__ == "__main__":
    main()
