"""What the doctor looks at: a repository, its data folder, and the server its databases are on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from lamppost.derive.manifest import Manifest
from lamppost.errors import LamppostError
from lamppost.local import state
from lamppost.local.postgres import address
from lamppost.pack.discover import discover

if TYPE_CHECKING:
    from lamppost.local.postgres.address import Address
    from lamppost.local.postgres.external import External

PATIENCE = 5


class Place:
    """One system. Everything is looked up when it is first asked for, and then kept."""

    def __init__(self, root: Path, data: Path, postgres: str | None = None) -> None:
        self.root = root
        self.data = data
        self.postgres = postgres

    @cached_property
    def manifest(self) -> Manifest | LamppostError:
        """The services, or why they do not load."""
        try:
            return discover(self.root)
        except LamppostError as error:
            return error

    @property
    def services(self) -> Manifest:
        """The services; none when they do not load."""
        return Manifest(()) if isinstance(self.manifest, LamppostError) else self.manifest

    @cached_property
    def server(self) -> "Address | External | None":
        """Where the databases are; None before the first `lamppost up`."""
        if self.postgres is None:
            return address.read(self.data / "postgres")
        from lamppost.local.postgres.external import External

        return External(self.postgres)

    @cached_property
    def running(self) -> state.Running | None:
        """The system that runs on this data folder."""
        announced = state.read(self.data)
        return announced if announced is not None and alive(announced.pid) else None

    @cached_property
    def reachable(self) -> dict[str, str]:
        """Every declared database: "" when it answers to its administrator, else why it does not."""
        found = {}
        for database in self.services.databases():
            try:
                with self.open(database):
                    found[database] = ""
            except psycopg.Error as error:
                found[database] = str(error).strip().splitlines()[-1]
        return found

    @contextmanager
    def open(self, database: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection of the administrator, in autocommit. Raises psycopg's errors."""
        if self.server is None:
            raise psycopg.OperationalError("there is no server yet")
        with psycopg.connect(
            self.server.dsn(database),
            autocommit=True,
            connect_timeout=PATIENCE,
            application_name="lamppost doctor",
            options="-c lock_timeout=2s -c statement_timeout=20s",
        ) as connection:
            yield connection

    def each(self) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
        """Every declared database that answers, open one after the other."""
        for database, why in self.reachable.items():
            if not why:
                with self.open(database) as connection:
                    yield database, connection


def alive(pid: int) -> bool:
    """Whether a process of this pid is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
