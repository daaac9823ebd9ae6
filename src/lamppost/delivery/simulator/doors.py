"""Faults below HTTP: what happens before a path is known needs a port of its own."""

import asyncio
import shutil
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from lamppost.delivery.simulator.certificates import DAY, Authority
from lamppost.delivery.simulator.talk import HEAD_MAX, Talk

LOOPBACK = "127.0.0.1"
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

DOORS = {
    "refused": "nobody listens",
    "blackhole": "connections are never accepted (Linux)",
    "reset-on-accept": "accepts and resets at once",
    "tls-ok": "a good certificate, to who trusts the authority; any path behaves as without TLS",
    "tls-self-signed": "a certificate that vouches for itself",
    "tls-expired": "a certificate that was good until yesterday",
    "tls-wrong-host": "a certificate for another name",
    "tls-old": "speaks nothing newer than TLS 1.1",
    "tls-silent": "takes the handshake's first message and never answers",
    "tls-reset": "resets in the handshake",
    "tls-close": "hangs up in the handshake",
    "tls-plain": "answers the handshake in plain HTTP",
}


class Doors:
    """The ports of DOORS. What gets through a TLS handshake is handed to `connected`."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected
        self._servers: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        self._folder = Path()
        self.urls: dict[str, str] = {}
        self.authority = ""

    async def open(self) -> None:
        """Make the certificates and listen."""
        self._folder = Path(tempfile.mkdtemp(prefix="lamppost-receiver-"))
        authority = await asyncio.to_thread(Authority, self._folder)
        self.authority = str(authority.file)
        self._hold("refused", backlog=None)
        self._hold("blackhole", backlog=0)
        await self._serve("reset-on-accept", _reset)
        leaves = {
            "tls-ok": authority.leaf("ok"),
            "tls-self-signed": authority.leaf("self-signed", self_signed=True),
            "tls-expired": authority.leaf("expired", until=-DAY),
            "tls-wrong-host": authority.leaf("wrong-host", names=("elsewhere.example",)),
        }
        for name, leaf in leaves.items():
            await self._serve(name, self._connected, _speaks(leaf))
        await self._serve("tls-old", self._connected, _speaks_old(leaves["tls-ok"]))
        await self._serve("tls-silent", _silent)
        await self._serve("tls-reset", _reset_when_greeted)
        await self._serve("tls-close", _close_when_greeted)
        await self._serve("tls-plain", _plain_when_greeted)

    async def close(self) -> None:
        """Stop listening and throw the certificates away."""
        for server in self._servers:
            server.close()
        for held in self._sockets:
            held.close()
        if self.authority:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, name: str, act: Connected, speaks: ssl.SSLContext | None = None) -> None:
        server = await asyncio.start_server(act, LOOPBACK, 0, limit=HEAD_MAX, backlog=1024, ssl=speaks)
        self._servers.append(server)
        self._tell(name, server.sockets[0].getsockname()[1])

    def _hold(self, name: str, *, backlog: int | None) -> None:
        """A port that is taken: without `backlog` nobody listens, with 0 the queue for one is full."""
        held = socket.socket()
        held.bind((LOOPBACK, 0))
        self._sockets.append(held)
        if backlog is not None:
            held.listen(backlog)
            for _ in range(2):
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(held.getsockname())
                self._sockets.append(waiting)
        self._tell(name, held.getsockname()[1])

    def _tell(self, name: str, port: int) -> None:
        scheme = "https" if name.startswith("tls-") else "http"
        self.urls[name] = (
            f"{scheme}://localhost:{port}/" if scheme == "https" else f"{scheme}://{LOOPBACK}:{port}/"
        )


def _speaks(leaf: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf)
    return context


def _speaks_old(leaf: Path) -> ssl.SSLContext:
    import warnings

    context = _speaks(leaf)
    # OpenSSL 3 speaks it only when security is asked to look away.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    Talk(reader, writer).reset()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await Talk(reader, writer).wait_until_left()
    writer.close()


async def _reset_when_greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    Talk(reader, writer).reset()


async def _close_when_greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(HEAD_MAX)
    writer.close()


async def _plain_when_greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(HEAD_MAX)
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    writer.close()
