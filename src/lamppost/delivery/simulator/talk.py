"""One connection of the simulator: what came in on it, and the ways to answer, well or badly."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from http import HTTPStatus

import msgspec

HEAD_MAX = 64 * 1024
BODY_MAX = 16 * 1024 * 1024

_REASONS = {status.value: status.phrase for status in HTTPStatus}
# Close with a reset: what is unsent is thrown away, and the other side hears of it.
_LINGER_NONE = struct.pack("ii", 1, 0)

Fields = Iterable[tuple[str, str]]


class Left(Exception):
    """The other side has gone, or sent what is no request: the conversation is over."""


class Head(msgspec.Struct, frozen=True):
    """A request's head; the names of `fields` are lower case."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]

    def items(self) -> tuple[tuple[str, str], ...]:
        """The header fields, as a receiver of webhooks takes them."""
        return self.fields

    def field(self, name: str) -> str:
        """The first value of a field, or an empty string."""
        return next((value for each, value in self.fields if each == name), "")


class Talk:
    """Requests are heard one after the other; `stays` says whether another may come on this connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.stays = True

    async def hear_head(self) -> Head | None:
        """The next request's head; None when the other side is done. Raises `Left`."""
        try:
            text = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise Left from end
            return None
        except (asyncio.LimitOverrunError, OSError) as error:
            raise Left from error
        first, *lines = text.decode("latin-1").rstrip("\r\n").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3:
            raise Left
        fields = tuple(
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        return Head(parts[0], parts[1], fields)

    async def hear_body(self, head: Head) -> bytes:
        """The request's body. Raises `Left`."""
        length = head.field("content-length") or "0"
        if not (length.isascii() and length.isdigit() and int(length) <= BODY_MAX):
            raise Left
        try:
            return await self._reader.readexactly(int(length))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Left from error

    async def say(self, data: bytes) -> None:
        """Send bytes as they are. Raises `Left`."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Left from error

    async def answer(self, status: int, fields: Fields = (), body: bytes = b"ok") -> None:
        """A whole, well-formed answer. Raises `Left`."""
        if status == HTTPStatus.NO_CONTENT:
            await self.say(head(status, fields))
            return
        await self.say(head(status, [*fields, ("content-length", str(len(body)))]) + body)

    async def wait_until_left(self) -> None:
        """Read and forget, until the other side goes."""
        try:
            while await self._reader.read(64 * 1024):
                pass
        except OSError:
            pass
        self.stays = False

    async def pause(self, seconds: float) -> None:
        """Wait, and raise `Left` should the other side go meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                # Nothing more belongs to this request: an end is all that can come.
                if not await self._reader.read(1):
                    raise Left
        except TimeoutError:
            return
        except OSError as error:
            raise Left from error
        self.stays = False

    def stop_reading(self) -> None:
        """Take nothing more from the wire, so that the other side's buffers fill."""
        transport = self._writer.transport
        if isinstance(transport, asyncio.ReadTransport) and not transport.is_closing():
            transport.pause_reading()

    def check(self) -> None:
        """Notice that the other side went while nobody reads."""
        held = self._writer.get_extra_info("socket")
        if held is None or held.fileno() < 0 or self._writer.is_closing() or _has_gone(held):
            self.stays = False

    def reset(self) -> None:
        """End the connection with a reset, in the middle of whatever it was."""
        held = self._writer.get_extra_info("socket")
        if held is not None and held.fileno() >= 0:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        self._writer.transport.abort()
        self.stays = False

    async def close(self) -> None:
        """End the connection in order."""
        self.stays = False
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass


def head(status: int, fields: Fields = ()) -> bytes:
    """The bytes of an answer's head."""
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        *(f"{name}: {value}" for name, value in fields),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _has_gone(held: socket.socket) -> bool:
    """What the kernel knows, whoever reads: TCP_INFO's first byte is the state, 1 is ESTABLISHED."""
    tcp_info = getattr(socket, "TCP_INFO", None)
    return tcp_info is not None and held.getsockopt(socket.IPPROTO_TCP, tcp_info, 1)[0] != 1
