"""Health of a function whose server is there and refuses: it tells why, soon, and nothing else."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lamppost.db.pool import close_pool
from lamppost.local.postgres.cluster import Cluster
from tests.bad_inputs import Called
from tests.database.db_server import direct, running
from tests.running import until

TRACED = "tests.data.traced.services.traced.service"
OTHERS = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'"
PIDS = "select pid from pg_stat_activity where usename = 'app' and backend_type = 'client backend'"


class Place:
    """A server whose operator we are, and a function that asks it."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self.cluster = cluster
        self.stack = stack
        self.admin = stack.enter_context(psycopg.connect(cluster.dsn("postgres"), autocommit=True))
        self.function = Called(TRACED)

    def does(self, *orders: Any) -> None:
        for order in orders:
            self.admin.execute(order)

    def pids(self) -> list[int]:
        """The processes that serve the function."""
        return [pid for (pid,) in self.admin.execute(PIDS).fetchall()]

    def stop(self, pid: int) -> None:
        """Pause a process until the test is over."""
        os.kill(pid, signal.SIGSTOP)
        self.stack.callback(os.kill, pid, signal.SIGCONT)

    def ask(self) -> tuple[int, Any]:
        """Status, and the reason when it is bad."""
        answer = self.function("GET /health")
        body = json.loads(answer["body"])
        if answer["statusCode"] == 200:
            return 200, body["status"]
        assert (body["code"], answer["headers"]["retry-after"]) == ("database_unavailable", "5")
        (error,) = body["errors"]
        assert error["path"] == "database"
        secrets = (
            "127.0.0.1",
            str(self.cluster.port),
            "first",
            "second",
            "wrong",
            '"app"',
            "FATAL",
            "psycopg",
        )
        assert not [word for word in secrets if word in answer["body"]]
        return answer["statusCode"], error["code"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture
def place(server: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DB_SECRET_NAME", raising=False)
    for name, value in direct(server).items():
        monkeypatch.setenv(name, value)
    close_pool()
    with ExitStack() as stack:
        made = Place(server, stack)
        stack.callback(close_pool)
        # Whatever the test has done to it: the role and the database as they were.
        stack.callback(
            made.does,
            "alter role app with login password 'first' connection limit -1",
            "alter database app with allow_connections true connection limit -1",
            OTHERS,
        )
        assert made.ask() == (200, "ok")
        yield made


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("alter role app password 'second'", "authentication_failed"),
        ("alter role app nologin", "authentication_failed"),
        ("alter role app connection limit 0", "too_many_connections"),
        ("alter database app connection limit 0", "too_many_connections"),
    ],
)
def test_a_server_that_lets_nobody_in_is_told_by_its_reason(place: Place, order: str, reason: str) -> None:
    place.does(order, OTHERS)
    assert until(lambda: place.ask() == (503, reason))
    place.does(
        "alter role app with login password 'first' connection limit -1",
        "alter database app connection limit -1",
    )
    assert until(lambda: place.ask() == (200, "ok"))


def test_a_server_whose_connections_are_all_taken_is_told_by_its_reason(place: Place) -> None:
    """By others, and really all: those that are kept for the superuser are not for the function."""
    place.does(OTHERS)
    close_pool()
    with ExitStack() as crowd:
        with pytest.raises(psycopg.OperationalError):
            while True:
                crowd.enter_context(psycopg.connect(place.cluster.dsn("app", user="app", password="first")))
        assert place.ask() == (503, "too_many_connections")
    assert until(lambda: place.ask() == (200, "ok"))


def test_a_session_that_was_paused_is_given_up_and_another_takes_its_place(place: Place) -> None:
    (pid,) = place.pids()
    place.stop(pid)
    assert place.ask() == (503, "no_answer")
    assert until(lambda: place.ask() == (200, "ok"))


def test_a_server_that_takes_connections_and_serves_none_is_not_waited_for(place: Place) -> None:
    """The kernel still accepts for a postmaster that is paused: nothing refuses, and nothing answers."""
    close_pool()
    leader = int((place.cluster.data / "postmaster.pid").read_text().splitlines()[0])
    place.stop(leader)
    assert [place.ask() for _ in range(2)] == [(503, "no_answer")] * 2
    os.kill(leader, signal.SIGCONT)
    assert until(lambda: place.ask() == (200, "ok"))
