"""BarkBase's health check against a real database, and against ones that are not well."""

import json
import re
from datetime import timedelta

import pytest

from lamppost.db.pool import close_pool, get_pool
from lamppost.observe.log import Log
from services.barkbase import healthcheck
from tests.database.db_server import direct, listening, running


class Invocation:
    """The part of a context that the check uses."""

    def __init__(self, left=30.0):
        self.lines = []
        self.log = Log(write=self.lines.append)
        self.left = left

    def remaining(self):
        return timedelta(seconds=self.left)

    def transaction(self):
        return get_pool().transaction()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _led_to_the_server(server, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DB_SECRET_NAME", raising=False)
    for name, value in direct(server).items():
        monkeypatch.setenv(name, value)
    close_pool()
    yield
    close_pool()


def test_a_database_that_answers_is_told_in_the_seeds_words():
    ctx = Invocation()
    answer = healthcheck.check({}, ctx)
    assert answer["statusCode"] == 200
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(
        rf'\{{"ok":true,"database":\{{"connected":true,"serverTime":"{instant}"\}},"timestamp":"{instant}"\}}',
        answer["body"],
    )
    assert [json.loads(line)["message"] for line in ctx.lines] == ["[DB-HEALTHCHECK] check.passed"]


def test_a_database_that_is_down_is_told_without_saying_where_it_is(monkeypatch):
    monkeypatch.setenv("DB_PORT", "1")
    ctx = Invocation()
    answer = healthcheck.check({}, ctx)
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 500
    assert (body["ok"], body["error"]) == (False, "database unavailable: connection_refused")
    assert not any(word in answer["body"] for word in ("127.0.0.1", "first", "app"))
    assert all(json.loads(line)["message"].startswith("[DB-HEALTHCHECK] ") for line in ctx.lines)


def test_a_function_without_a_database_says_so(monkeypatch):
    monkeypatch.delenv("DB_HOST")
    answer = healthcheck.check({}, Invocation())
    assert json.loads(answer["body"])["error"] == "database unavailable: database_not_configured"


def test_a_server_that_takes_the_question_and_falls_silent_is_not_waited_for(server, monkeypatch):
    import socket
    import threading

    silent = threading.Event()

    def front(line):
        with socket.create_connection(("127.0.0.1", server.port)) as back:

            def forward(source, target):
                try:
                    while data := source.recv(65536):
                        if not silent.is_set():
                            target.sendall(data)
                except OSError:
                    pass

            threading.Thread(target=forward, args=(back, line), daemon=True).start()
            forward(line, back)

    with listening(front) as port:
        monkeypatch.setenv("DB_PORT", str(port))
        close_pool()
        get_pool().warm_up()
        silent.set()
        answer = healthcheck.check({}, Invocation(left=3.2))
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["error"] == "database unavailable: database_interrupted"
