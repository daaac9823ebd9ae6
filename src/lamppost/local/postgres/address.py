"""Where a cluster answers: `postgres.json` beside it, for its owner's eyes only."""

import os
import socket
from pathlib import Path
from urllib.parse import quote

import msgspec

FILE = "postgres.json"
HOST = "127.0.0.1"


class Address(msgspec.Struct, frozen=True):
    """The port on the loopback interface and the superuser's name and password."""

    port: int
    password: str
    user: str = "lamppost"
    host: str = HOST

    def dsn(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """A libpq URL: for the superuser, or for the user given with a password."""
        name, key = (self.user, self.password) if user is None else (user, password or "")
        return url(self.host, self.port, name, key, database)


def url(host: str, port: int, user: str, password: str, database: str) -> str:
    """A libpq URL in which any letter may stand."""
    secret = f":{quote(password, safe='')}" if password else ""
    return f"postgresql://{quote(user, safe='')}{secret}@{host}:{port}/{quote(database, safe='')}"


def read(folder: Path) -> Address | None:
    """The address of the cluster in `folder`; None when it never had one or the file is damaged."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write(folder: Path, address: Address) -> None:
    """Record the address: whole or not at all, mode 0600."""
    beside = folder / f".{FILE}.{os.getpid()}"
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(address))
    beside.replace(folder / FILE)


def free_port(wanted: int | None = None) -> int:
    """`wanted` when nobody has it, else any free port of the loopback interface."""
    for port in (wanted, 0):
        if port is not None:
            with socket.socket() as probe:
                # As PostgreSQL itself: a connection that still lingers does not keep the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
