"""Every test may ask for a real PostgreSQL: a server, a database of services, or an empty one of its own."""

import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import furnished

if TYPE_CHECKING:
    from lamppost.local.postgres.address import Address
    from lamppost.migrate.files import Bundle

pytest_plugins = ("lamppost.testing.plugin", "tests.forms", "tests.ministack")

HANDLES = Path("/proc/self/fd")
# What a sender may keep of connections to receivers that are gone, and a few of everything else.
MANY_HANDLES = 500

# A shell that runs us in the background has us ignore Ctrl-C, and what we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Systems of the whole run have one place to be copied from; workers inherit it."""
    here = furnished.place()
    here.__enter__()
    config.add_cleanup(lambda: here.__exit__(None, None, None))


@pytest.fixture(autouse=True, scope="module")
def left_open() -> Iterator[None]:
    """What a file of tests leaves open is told to its author, and not to whoever opens the thousandth."""
    yield
    handles = len(list(HANDLES.iterdir())) if HANDLES.exists() else 0
    assert handles < MANY_HANDLES, f"{handles} files and sockets are open after this file's tests"


class Empty:
    """A provisioned database without tables, whose one service is called shop."""

    def __init__(self, server: "Address", name: str) -> None:
        self.name = name
        self.server = server
        self.role = f"{name}_migrator"
        self.app_role = f"{name}_app"
        self.admin = server.dsn(name)
        self.app = server.dsn(name, user=self.app_role, password="pass/word @1")


@pytest.fixture
def empty(postgres_cluster: "Address") -> Iterator[Empty]:
    """An empty database with its own roles, gone after the test."""
    import psycopg
    from psycopg import sql

    from lamppost.migrate.provision import provision

    made = Empty(postgres_cluster, f"shop_{secrets.token_hex(4)}")
    provision(postgres_cluster.dsn("postgres"), made.name, ["shop"], "pass/word @1")
    yield made
    with psycopg.connect(postgres_cluster.dsn("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(made.name)))
        for role in (made.role, made.app_role):
            admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.fixture
def files(tmp_path: Path) -> "Callable[..., Bundle]":
    """Write migrations of the service shop, by description and SQL in their order, and read all of them."""
    from lamppost.migrate.files import discover

    folder = tmp_path / "shop" / "migrations"

    def write(**statements: str) -> "Bundle":
        folder.mkdir(parents=True, exist_ok=True)
        for description, statement in statements.items():
            standing = [path for path in folder.iterdir() if path.name.endswith(f"__{description}.sql")]
            number = len(list(folder.iterdir()))
            fresh = folder / f"2025-01-{number // 24 + 1:02d}T{number % 24:02d}00__shop__{description}.sql"
            (standing[0] if standing else fresh).write_bytes(statement.encode())
        return discover([("shop", folder)])

    return write
