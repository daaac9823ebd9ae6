"""New code while the system runs: described apart, migrated first, then served.

A mistake anywhere on that way leaves the old code serving and says what is wrong.
"""

import asyncio
from typing import TYPE_CHECKING

from lamppost.errors import LamppostError
from lamppost.local.description import fingerprint

if TYPE_CHECKING:
    from lamppost.local.system import System

PAUSE = 0.25


async def watch(system: "System") -> None:
    """Look for changed files a few times a second, for ever."""
    root = system.options.root
    seen = _prints(system)
    whole = fingerprint(root)
    while True:
        await asyncio.sleep(PAUSE)
        now = await asyncio.to_thread(fingerprint, root)
        if now == whole:
            continue
        whole = now
        seen = await _take_over(system, seen)


async def _take_over(system: "System", seen: dict[str, str]) -> dict[str, str]:
    try:
        manifest = await asyncio.to_thread(system.description.read)
        prints = _prints(system)
        changed = {name for name, key in prints.items() if seen.get(name) != key}
        await system.adopt(manifest, changed.__contains__)
    except LamppostError as error:
        system.log.error("reload.refused", error=error.what, fix=error.fix, serving="the code before")
        return seen
    for name in sorted(changed):
        system.log.info("service.reloaded", service=name)
    return prints


def _prints(system: "System") -> dict[str, str]:
    root = system.options.root
    return {
        path.parent.name: fingerprint(root, path.parent.name) for path in root.glob("services/*/service.py")
    }
