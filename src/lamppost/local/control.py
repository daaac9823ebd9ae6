"""The control door: what `lamppost` commands ask of the running system.

It stands on the AWS port under `/_lamppost/`, takes POSTs with the token from `up.json` only,
and answers JSON. Everything else on the port is AWS's.
"""

import hmac
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from lamppost.errors import LamppostError
from lamppost.local.http import Handler, Request, Response
from lamppost.local.orders.alarms import Watching
from lamppost.local.orders.clock import Timing
from lamppost.local.orders.functions import Functioning
from lamppost.local.orders.identity import Identifying
from lamppost.local.orders.kinds import Arguments, Order
from lamppost.local.orders.overview import Overview
from lamppost.local.orders.queues import Queueing
from lamppost.local.orders.schedules import Scheduling
from lamppost.local.orders.settings import Setting
from lamppost.local.orders.traces import Tracing

if TYPE_CHECKING:
    from lamppost.local.system import System

PREFIX = "/_lamppost/"


class Control:
    """The door, and the orders that pass it."""

    def __init__(self, system: "System", aws: Handler, stop: Callable[[], None]) -> None:
        self._aws = aws
        self._timing = Timing(system)
        self.token = secrets.token_urlsafe(32)
        self._orders: dict[str, Order] = {
            **Overview(system, stop).orders,
            **Functioning(system).orders,
            **self._timing.orders,
            **Queueing(system).orders,
            **Scheduling(system).orders,
            **Setting(system).orders,
            **Identifying(system).orders,
            **Tracing(system).orders,
            **Watching(system).orders,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request on the AWS port."""
        if not request.path.startswith(PREFIX):
            return await self._aws(request)
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.method != "POST" or not hmac.compare_digest(given.encode(), self.token.encode()):
            return _say(
                403, {"what": "this door needs the token from up.json", "fix": "", "code": "forbidden"}
            )
        order = self._orders.get(request.path.removeprefix(PREFIX))
        if order is None:
            return _say(404, {"what": f"no command {request.path}", "fix": "", "code": "unknown_command"})
        try:
            return _say(200, await order(msgspec.json.decode(request.body or b"{}", type=Arguments)))
        except LamppostError as error:
            return _say(400, {"what": error.what, "fix": error.fix, "code": error.code})

    async def close(self) -> None:
        """End what an order left running."""
        await self._timing.close()


def _say(status: int, answer: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, msgspec.json.encode(answer))
