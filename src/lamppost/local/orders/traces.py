"""Traces, shown."""

from typing import TYPE_CHECKING, Any

from lamppost.errors import OperatorError
from lamppost.local.orders.kinds import Arguments, Order
from lamppost.observe import trace

if TYPE_CHECKING:
    from lamppost.local.system import System


def read_trace(text: str) -> str:
    """The trace id in what a person gave. Raises `OperatorError` when there is none in it."""
    trace_id = trace.read_id(text)
    if trace_id is None:
        raise OperatorError(
            f"{text!r} is not a trace's id",
            fix="take x-trace-id from an answer, or trace_id from a log line: 32 hex digits",
            code="no_trace_id",
        )
    return trace_id


class Tracing:
    """Orders about traces."""

    def __init__(self, system: "System") -> None:
        self._system = system

    @property
    def orders(self) -> dict[str, Order]:
        """The orders by their paths."""
        return {"traces/read": self._read, "traces/list": self._list}

    async def _read(self, given: Arguments) -> Any:
        """A trace's spans, in the order in which they began."""
        trace_id = read_trace(given["trace"])
        return {"trace_id": trace_id, "spans": self._system.traces.read(trace_id)}

    async def _list(self, given: Arguments) -> Any:
        """The newest traces by the span each began with, newest first."""
        return self._system.traces.newest(int(given.get("limit", 20)))
