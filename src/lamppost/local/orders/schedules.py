"""Schedules, and the functions that answer operators."""

from typing import TYPE_CHECKING, Any

from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.local.orders.functions import Functioning
from lamppost.local.orders.kinds import Arguments, Order

if TYPE_CHECKING:
    from lamppost.local.system import System


class Scheduling:
    """Orders about what runs by the clock, and whom to ask about it."""

    def __init__(self, system: "System") -> None:
        self._system = system
        self._functioning = Functioning(system)

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "schedule/list": self._list,
            "schedule/run": self._run,
            "operations": self._operations,
        }

    async def _list(self, _: Arguments) -> Any:
        return [
            {"function": paced.function, "every_s": paced.every.total_seconds(), "last": last, "next": due}
            for paced, last, due in self._system.clock.planned()
        ]

    async def _run(self, given: Arguments) -> Any:
        """Tick `function` once, as due `at` (the system's minute, when it is null). The clock stays."""
        name = self._functioning.named(given["function"])
        known = sorted(paced.function for paced, _, _ in self._system.clock.planned())
        if name not in known:
            raise OperatorError(
                f"{name} has no schedule", fix=f"one of: {', '.join(known)}", code="no_such_schedule"
            )
        at = given["at"] or self._system.clock.now().replace(second=0, microsecond=0)
        event = {"version": "0", "source": "aws.scheduler", "detail-type": "Scheduled Event", "time": at}
        return await self._functioning.invoke({"function": name, "payload": event})

    async def _operations(self, given: Arguments) -> Any:
        """The function that answers operators of `service`; of the only one there is when none is named."""
        found = {
            service.name: names.physical(service.function(service.operations).named, names.LOCAL_ENV)
            for service in self._system.manifest.services
            if service.operations is not None
        }
        wanted = given.get("service")
        if wanted is None and len(found) == 1:
            return {"service": next(iter(found)), "function": next(iter(found.values()))}
        if wanted not in found:
            raise OperatorError(
                f"service {wanted!r} answers no operators"
                if wanted
                else f"{len(found)} services could answer",
                fix=f"--service with one of: {', '.join(sorted(found))}"
                if found
                else "declare the function that does: Service(operations=...)",
                code="operations_missing",
            )
        return {"service": wanted, "function": found[wanted]}
