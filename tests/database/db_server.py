"""A PostgreSQL of a test's own, and the environment that leads to it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from lamppost.local.postgres.cluster import Cluster


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    # As on RDS, a server does not look whether its client is still there.
    cluster = Cluster(folder, changes={"fsync": "off", "client_connection_check_interval": "0"})
    cluster.launch()
    try:
        cluster.ready()
        with psycopg.connect(cluster.dsn("postgres"), autocommit=True) as admin:
            admin.execute("create role app login password 'first'")
            admin.execute("create database app owner app")
        yield cluster
    finally:
        cluster.stop()


def restart(cluster: Cluster) -> None:
    cluster.stop()
    cluster.launch()
    cluster.ready()


def direct(cluster: Cluster) -> dict[str, str]:
    """Direct mode's variables."""
    return {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(cluster.port),
        "DB_NAME": "app",
        "DB_USER": "app",
        "DB_PASSWORD": "first",
    }


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a loopback server that hands each connection to `serve` on a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def accept() -> None:
            while True:
                try:
                    line, _ = door.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(line,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield door.getsockname()[1]
        finally:
            door.shutdown(socket.SHUT_RDWR)
