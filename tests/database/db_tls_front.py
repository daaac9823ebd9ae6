"""A TLS server in front of a PostgreSQL that has none, as RDS with `rds.force_ssl=1` behaves.

It answers the SSLRequest, upgrades, and passes the bytes on; who will not use TLS is refused in
PostgreSQL's own words.
"""

import asyncio
import contextlib
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
REFUSAL = b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0"


class Authority(NamedTuple):
    certificate: Path
    key: Path


def authority(folder: Path, name: str) -> Authority:
    """A certificate authority of our own."""
    made = Authority(folder / f"{name}.crt", folder / f"{name}.key")
    _openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN={name}",
             "-keyout", made.key, "-out", made.certificate)  # fmt: skip
    return made


def certificate(folder: Path, signer: Authority, names: str) -> tuple[Path, Path]:
    """A server's certificate for `names` (`DNS:localhost`) and its key."""
    request, key, made = folder / "server.csr", folder / "server.key", folder / "server.crt"
    extensions = folder / "server.ext"
    extensions.write_text(f"subjectAltName={names}\n")
    _openssl("req", *NEW_KEY, "-subj", "/CN=server", "-keyout", key, "-out", request)  # fmt: skip
    _openssl("x509", "-req", "-in", request, "-CA", signer.certificate, "-CAkey", signer.key,
             "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", made)  # fmt: skip
    return made, key


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@contextmanager
def fronted(behind: int, pair: tuple[Path, Path]) -> Iterator[int]:
    """The port of a TLS front before the PostgreSQL on port `behind`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.num_tickets = 0
    loop = asyncio.new_event_loop()
    port: asyncio.Future[int] = loop.create_future()
    over = asyncio.Event()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if await reader.readexactly(8) != SSL_REQUEST:
                writer.write(b"E" + struct.pack("!i", len(REFUSAL) + 4) + REFUSAL)
                await writer.drain()
            else:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
                back, out = await asyncio.open_connection("127.0.0.1", behind)
                await asyncio.gather(_pass(reader, out), _pass(back, writer))
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(client, "127.0.0.1", 0)
        port.set_result(server.sockets[0].getsockname()[1])
        await over.wait()
        server.close()
        talking = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        while not port.done():
            threading.Event().wait(0.001)
        yield port.result()
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
