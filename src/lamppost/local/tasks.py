"""Ending tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

# Long enough for what a task has to tidy up.
_AGAIN = 1.0


async def end(tasks: Iterable["asyncio.Future[Any] | None"]) -> None:
    """Cancel `tasks` and wait until they are over; what they raise is theirs.

    One cancel is not enough: before Python 3.12 `asyncio.wait_for`, which psycopg waits with, loses
    a cancellation that arrives together with the answer (python/cpython#86296).
    """
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
