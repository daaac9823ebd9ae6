"""Fixtures for tests against a real PostgreSQL: one embedded server a run, one fresh database a test.

Nothing starts before a test asks, and loading this plugin imports neither psycopg nor the runner.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from lamppost.local.postgres.address import Address
    from lamppost.testing.databases import TestDatabase

KEEP = "--keep-postgres"
_CONNECT = pytest.StashKey[list[str]]()
_FAILED = pytest.StashKey[bool]()


class MakeDatabase(Protocol):
    """The `database` fixture: services' names in, their tables out. `folders` adds other migrations."""

    def __call__(self, *services: str, folders: tuple[tuple[str, Path], ...] = ()) -> "TestDatabase":
        """A database of its own with the schemas and tables of these services, empty of rows."""
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to leave the server running, to look at what a failed test left."""
    group = parser.getgroup("lamppost")
    group.addoption(KEEP, action="store_true", help="leave the test server and failed tests' databases")


@pytest.fixture(scope="session")
def postgres_cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Address"]:
    """The run's PostgreSQL server, shared by all pytest-xdist workers: `host`, `port`, `dsn(database)`."""
    from lamppost.testing.shared import SharedCluster

    base = tmp_path_factory.getbasetemp()
    # Each xdist worker has a folder of its own below the run's.
    run = base.parent if hasattr(request.config, "workerinput") else base
    shared = SharedCluster(run / "postgres")
    yield shared.join()
    shared.leave(keep=bool(request.config.getoption(KEEP)))


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres_cluster: "Address") -> Iterator[MakeDatabase]:
    """Make databases: `database("birthday")` gives one with that service's tables, dropped after the test."""
    from lamppost.testing.databases import Databases

    made: list[TestDatabase] = []
    databases = Databases(postgres_cluster, request.config.rootpath / "services")

    def make(*services: str, folders: tuple[tuple[str, Path], ...] = ()) -> "TestDatabase":
        fresh = databases.make(services, folders)
        made.append(fresh)
        request.node.stash.setdefault(_CONNECT, []).append(fresh.admin)
        return fresh

    yield make
    kept = request.config.getoption(KEEP) and request.node.stash.get(_FAILED, False)
    for one in made:
        one.close()
        if not kept:
            databases.drop(one)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the reader of a failure how to connect to the database it happened in."""
    report = yield
    if report.failed and (urls := item.stash.get(_CONNECT, [])):
        item.stash[_FAILED] = True
        lines = "\n".join(f"psql '{url}'" for url in urls)
        kept = item.config.getoption(KEEP)
        report.sections.append(
            ("database", lines if kept else f"{lines}\n({KEEP} leaves it for you to look at)")
        )
    return report
