"""The one HTTP server of the local system: asyncio and httptools, loopback only.

The gateway, the AWS port and the secrets extension are handlers of this server, and each worker's Runtime
API is one of its sibling in `http_direct.py`. What the wire cannot mean is refused in `http_connection.py`.
"""

import asyncio
from collections.abc import Callable

from lamppost.errors import OperatorError
from lamppost.local.http_connection import Connection
from lamppost.local.http_messages import Handler, Limits, Request, Response

__all__ = ["LOOPBACK", "Handler", "Limits", "Request", "Response", "Server", "listen", "serve"]

LOOPBACK = "127.0.0.1"
# Of the event loop: a task that makes the transport, and its callbacks.
TURNS_TO_CONNECT = 3


class Server:
    """A listening socket and its open connections."""

    def __init__(self, listener: asyncio.Server, connections: set[Connection]) -> None:
        self._listener = listener
        self._connections = connections
        self.port: int = listener.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, let requests in work finish, end the rest."""
        loop = asyncio.get_running_loop()
        for listening in self._listener.sockets:
            loop.remove_reader(listening.fileno())
        # Who was accepted a moment ago becomes a connection first: asyncio's Server forgets them for ever
        # when it is closed between accept() and its transport (before Python 3.12.1).
        for _ in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
        self._listener.close()
        for connection in list(self._connections):
            connection.finish()
        await asyncio.gather(
            *(connection.task for connection in list(self._connections) if connection.task),
            return_exceptions=True,
        )


async def serve(handler: Handler, *, port: int = 0, limits: Limits | None = None) -> Server:
    """Listen on 127.0.0.1:`port` (0 picks a free one). Raises `OperatorError` when the port is taken."""
    connections: set[Connection] = set()
    accepted = limits or Limits()
    return await listen(lambda: Connection(handler, accepted, connections), port, connections)


async def listen(connect: Callable[[], Connection], port: int, connections: set[Connection]) -> Server:
    """Listen on 127.0.0.1:`port`, making each connection with `connect`, which adds it to `connections`."""
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(connect, LOOPBACK, port, backlog=1024)
    except OSError as taken:
        raise OperatorError(
            f"port {port} on {LOOPBACK} is taken ({taken.strerror})",
            fix="stop what listens there, or choose another with --port / --aws-port (0 picks a free one)",
            code="port_taken",
        ) from taken
    return Server(listener, connections)
