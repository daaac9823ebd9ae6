"""The system's time, moved by a person."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lamppost.errors import OperatorError
from lamppost.local import tasks
from lamppost.local.orders.kinds import Arguments, Order

if TYPE_CHECKING:
    from lamppost.local.system import System


class Timing:
    """Orders about the clock. A walk goes on while its command looks on."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._walk: asyncio.Task[datetime] | None = None
        self._walk_end: datetime | None = None

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "clock/show": self._show,
            "clock/set": self._set,
            "clock/reset": self._reset,
            "clock/advance": self._advance,
            "clock/stop": self._halt,
        }

    async def _show(self, _: Arguments) -> Any:
        clock = self._system.clock
        walking = self._walk is not None and not self._walk.done()
        return {
            "now": clock.now(),
            "wall": datetime.now(UTC),
            "shift_s": clock.shift.total_seconds(),
            "walking_to": self._walk_end if walking else None,
            "error": self._walk_error(),
        }

    async def _set(self, given: Arguments) -> Any:
        await self._system.clock.set(read_instant(given["at"]))
        return await self._show({})

    async def _reset(self, _: Arguments) -> Any:
        await self._system.clock.reset()
        return await self._show({})

    async def _advance(self, given: Arguments) -> Any:
        if self._walk is not None and not self._walk.done():
            raise OperatorError("the clock is walking already", fix="wait, or stop it: lamppost clock stop")
        by, step = timedelta(seconds=given["by_s"]), timedelta(seconds=given["step_s"])
        self._walk_end = self._system.clock.now() + by
        self._walk = asyncio.get_running_loop().create_task(
            self._system.clock.advance(by, step, lambda _: None)
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._walk), 0.2)
        return await self._show({})

    async def _halt(self, _: Arguments) -> Any:
        await self.close()
        return await self._show({})

    async def close(self) -> None:
        """End a walk of the clock where it is."""
        await tasks.end([self._walk])

    def _walk_error(self) -> str | None:
        walk = self._walk
        if walk is None or not walk.done() or walk.cancelled() or walk.exception() is None:
            return None
        return str(walk.exception())


def read_instant(text: str) -> datetime:
    """The time a person wrote, UTC without a zone. Raises `OperatorError`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text!r} is not a time", fix="write it like 2027-03-15T08:59:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
