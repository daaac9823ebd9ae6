"""An HTTP server whose handler is called with a way to answer: no task, and no turns of the event loop.

A worker's Runtime API is asked twice for each invocation, and both times somebody waits for it.
"""

from functools import partial

from lamppost.local.http import Server, listen
from lamppost.local.http_connection import Connection
from lamppost.local.http_messages import Answerer, Limits, Request, Response


async def serve(answerer: Answerer, *, port: int = 0, limits: Limits | None = None) -> Server:
    """As `http.serve`, for a handler that is called, does not raise, and answers once, now or later.

    Who closes the server hangs up on those who still wait for an answer.
    """
    connections: set[Connection] = set()
    accepted = limits or Limits()
    return await listen(lambda: _Direct(answerer, accepted, connections), port, connections)


class _Direct(Connection):
    """Hands each request on together with the call that answers it."""

    def __init__(self, answerer: Answerer, limits: Limits, connections: "set[Connection]") -> None:
        super().__init__(_nobody, limits, connections)
        self._answerer = answerer
        self._asked: Request | None = None

    @property
    def _working(self) -> bool:
        return self._asked is not None

    def _begin(self) -> None:
        request = self._asked = self._waiting.popleft()
        self._answerer(request, partial(self._reply, request))

    def _reply(self, request: Request, response: Response) -> None:
        if request is not self._asked:
            return  # answered already
        self._asked = None
        if self._transport is None or self._send(request, response):
            return
        if self._waiting:
            self._begin()
        else:
            self._say_farewell()

    def finish(self) -> None:
        self._asked = None
        super().finish()


async def _nobody(_: Request) -> Response:
    raise AssertionError("a connection that answers directly asks no handler")
