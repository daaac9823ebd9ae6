"""New code while the system runs: described apart, migrated first, then served.

A mistake anywhere on that way leaves the old code serving and says what is wrong.
"""

import asyncio
from typing import TYPE_CHECKING

import psycopg

from lamppost.errors import LamppostError
from lamppost.local.description import fingerprint

if TYPE_CHECKING:
    from lamppost.local.system import System

PAUSE = 0.25


async def watch(system: "System") -> None:
    """Look for changed files a few times a second, for ever."""
    root = system.options.root
    seen = system.code.key
    while True:
        await asyncio.sleep(PAUSE)
        now = await asyncio.to_thread(fingerprint, root)
        if now != seen:
            seen = now
            await _take_over(system)


async def _take_over(system: "System") -> None:
    before = system.code.prints
    try:
        await system.adopt(await asyncio.to_thread(system.description.read))
    except (LamppostError, psycopg.Error, OSError) as error:
        # psycopg: the server went away meanwhile. OSError: a file went away, or the disk is full.
        fix = error.fix if isinstance(error, LamppostError) else "save a file to try again"
        what = error.what if isinstance(error, LamppostError) else str(error)
        system.log.error("reload.refused", error=what, fix=fix, serving="the code before")
        return
    system.announce()
    after = system.code.prints
    for name in sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
        system.log.info("service.reloaded" if name in after else "service.removed", service=name)
