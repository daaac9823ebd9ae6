"""What `lamppost up` was asked for."""

from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Where the repository and the data are, the ports (0 picks a free one), and how to run.

    `allow` lists receivers inside the loopback or private ranges that webhooks may reach
    (`HOST:PORT`); `loopback` allows the whole of 127.0.0.0/8.
    """

    root: Path
    data: Path
    port: int = 8000
    aws_port: int = 8001
    postgres: str | None = None
    fast: bool = False
    loopback: bool = True
    allow: tuple[str, ...] = ()
    reload: bool = True
