"""The simulator itself: listens on loopback, and treats each request as its path or the mix says."""

import asyncio
import socket
import ssl

from lamppost.delivery.simulator.behaviours import BEHAVIOURS
from lamppost.delivery.simulator.doors import Doors
from lamppost.delivery.simulator.given import Given, of_target
from lamppost.delivery.simulator.ledger import Ledger, Report
from lamppost.delivery.simulator.mix import Mix, read_mix
from lamppost.delivery.simulator.talk import HEAD_MAX, Head, Left, Talk
from lamppost.errors import OperatorError

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
# A small window: who does not read is felt after kilobytes, not megabytes.
_BUFFER = 64 * 1024


class Simulator:
    """A receiver of webhooks on 127.0.0.1: `url` answers by the mix, `url + "/silent"` as its name says.

    `secret` is for checking signatures. `doors=True` opens a port for each fault below HTTP: see `doors`.
    Raises `OperatorError` when the port is taken.
    """

    def __init__(
        self, *, port: int = 0, behave: str = "", seed: int = 0, secret: str = "", doors: bool = False
    ) -> None:
        self._port = port
        self._mix: Mix = read_mix(behave, seed)
        self._talking: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._doors = Doors(self._connected) if doors else None
        self.ledger = Ledger(secret)
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        try:
            self._listening = await asyncio.start_server(
                self._connected, LOOPBACK, self._port, limit=HEAD_MAX, backlog=_BACKLOG
            )
        except OSError as taken:
            raise OperatorError(
                f"port {self._port} on {LOOPBACK} is taken ({taken.strerror})",
                fix="stop what listens there, or let --port 0 pick a free one",
                code="port_taken",
            ) from taken
        self.url = f"http://{LOOPBACK}:{self._listening.sockets[0].getsockname()[1]}"
        if self._doors is not None:
            await self._doors.open()

    async def stop(self) -> None:
        """Hang up on everybody and stop listening."""
        if self._listening is not None:
            self._listening.close()
        if self._doors is not None:
            await self._doors.close()
        for task in list(self._talking):
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)

    @property
    def urls(self) -> dict[str, str]:
        """Each behaviour's URL by its name, and those of the doors that are open."""
        by_path = {name: f"{self.url}/{name}" for name in BEHAVIOURS}
        return by_path | (self._doors.urls if self._doors is not None else {})

    def url_of(self, target: str) -> str:
        """The URL of a behaviour with its options (`status/429?retry-after=3`), or of an open door."""
        doors = self._doors.urls if self._doors is not None else {}
        return doors.get(target) or f"{self.url}/{target}"

    @property
    def authority(self) -> str:
        """The file with the certificate of who vouches for the TLS doors; empty without doors."""
        return self._doors.authority if self._doors is not None else ""

    def report(self) -> Report:
        """What came in so far."""
        return self.ledger.report(self._mix.seed)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs it as a task"
        self._talking.add(task)
        held = writer.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        talk = Talk(reader, writer)
        try:
            while talk.stays and (head := await talk.hear_head()) is not None:
                await self._treat(talk, head)
        except (Left, ssl.SSLError, ConnectionError):
            pass
        except asyncio.CancelledError:
            talk.reset()
        finally:
            self._talking.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()

    async def _treat(self, talk: Talk, head: Head) -> None:
        attempt = self.ledger.arrived(head)
        given = self._choose(head, attempt)
        behaviour = BEHAVIOURS[given.name]
        self.ledger.met(head, given.name)
        self.ledger.open += 1
        try:
            if behaviour.hears_body:
                self.ledger.heard(head, await talk.hear_body(head))
            await behaviour.act(talk, given, head)
        except OperatorError as mistaken:
            await talk.answer(400, body=str(mistaken).encode())
        finally:
            self.ledger.open -= 1

    def _choose(self, head: Head, attempt: int) -> Given:
        given = of_target(head.target)
        if given.name in BEHAVIOURS:
            return given
        return self._mix.fate(head.field("webhook-id"), attempt)
