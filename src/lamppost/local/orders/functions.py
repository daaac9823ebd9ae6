"""Functions run by hand, and what they said."""

from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.declare import names
from lamppost.errors import OperatorError
from lamppost.local.orders.kinds import Arguments, Order
from lamppost.local.orders.traces import read_trace

if TYPE_CHECKING:
    from lamppost.local.system import System


class Functioning:
    """Orders about functions and their logs."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {
            "invoke": self.invoke,
            "logs": self._logs,
        }

    async def invoke(self, given: Arguments) -> Any:
        """Run `function` with `payload`; with `later` only hand it over."""
        name = self.named(given["function"])
        if given.get("later"):
            return {"request_id": await self._system.later.add(name, msgspec.json.encode(given["payload"]))}
        result = await self._system.lambdas.invoke(name, msgspec.json.encode(given["payload"]))
        return {
            "error": result.error,
            "payload": msgspec.json.decode(result.payload),
            "log": result.log_tail.decode("utf-8", "replace"),
            "request_id": result.request_id,
        }

    async def _logs(self, given: Arguments) -> Any:
        """Events since `since` (ms) of `functions` (all when empty), oldest first, with where to go on.

        `trace` leaves only the lines of that trace.
        """
        system = self._system
        wanted = [self.named(name) for name in given["functions"]] or system.lambdas.names()
        trace_id = read_trace(given["trace"]) if given.get("trace") else ""
        found = []
        for name in wanted:
            found += [
                {"function": name, "at": event.timestamp, "message": event.message, "id": event.id}
                for event in system.logs.read(name, since=given["since"])
                if trace_id in event.message
            ]
        found.sort(key=lambda event: (event["at"], event["id"]))
        return found[-int(given.get("limit", 10_000)) :]

    def named(self, name: str) -> str:
        """The dev name of the function that answers to `name`. Raises `OperatorError`."""
        canonical = self._system.functions.canonical(name)
        if self._system.lambdas.spec(canonical) is not None:
            return canonical
        for service in self._system.manifest.services:
            for function in service.functions:
                if name == f"{service.name}.{function.name}":
                    return names.physical(function.named, names.LOCAL_ENV)
        raise OperatorError(
            f"there is no function {name!r}",
            fix=f"one of: {', '.join(sorted(self._system.lambdas.names()))}",
            code="no_such_function",
        )
