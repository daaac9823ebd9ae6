"""Who we are to the database: both modes, and what each lack is called."""

import json

import pytest

from lamppost.db import credentials
from lamppost.db.credentials import Credentials
from lamppost.errors import OperatorError
from lamppost.settings import source

DIRECT = {"DB_HOST": "localhost", "DB_NAME": "barkbase", "DB_USER": "postgres", "DB_PASSWORD": "hunter2"}
WHOLE = {"username": "app", "password": "hunter2", "host": "db.example", "port": 5433, "dbname": "barkbase"}


@pytest.fixture(autouse=True)
def _an_empty_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (
        "DB_SECRET_NAME",
        "DB_SECRET_ARN",
        "DATABASE_URL",
        "DB_HOST",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DB_PASSWORD", raising=False)


@pytest.fixture
def environment(monkeypatch):
    def put(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.fixture
def secret(monkeypatch):
    kept = {}
    monkeypatch.setattr(source, "secret", lambda name, **_: kept[name])
    return kept


def test_direct_mode_reads_the_environment(environment):
    environment(**DIRECT)
    assert credentials.read() == Credentials("localhost", 5432, "barkbase", "postgres", "hunter2")


def test_direct_mode_reads_the_dotenv_file_and_the_environment_wins(environment, tmp_path):
    (tmp_path / ".env").write_text("DB_HOST=localhost\nDB_NAME=filed\nDB_USER=postgres\nDB_PASSWORD='a b'\n")
    environment(DB_NAME="said")
    found = credentials.read()
    assert (found.database, found.password) == ("said", "a b")


def test_a_url_says_everything_at_once(environment):
    environment(DATABASE_URL="postgresql://app:p%40ss@db.example:5433/barkbase?sslmode=disable")
    assert credentials.read() == Credentials("db.example", 5433, "barkbase", "app", "p@ss")


def test_secret_mode_wins_over_direct_mode(environment, secret):
    secret["a/b"] = json.dumps(WHOLE)
    environment(**DIRECT, DB_SECRET_NAME="a/b")
    found = credentials.read()
    assert (found.host, found.port, found.secret) == ("db.example", 5433, "a/b")


def test_an_arn_names_the_secret_as_well(environment, secret):
    arn = "arn:aws:secretsmanager:us-east-2:000000000000:secret:a/b"
    secret[arn] = json.dumps(WHOLE)
    environment(DB_SECRET_ARN=arn)
    assert credentials.read().user == "app"


def test_what_the_secret_lacks_comes_from_the_environment(environment, secret):
    secret["a/b"] = '{"username": "app", "password": "hunter2", "engine": "postgres"}'
    environment(DB_SECRET_NAME="a/b", DB_HOST="db.example", DB_PORT="5434", DB_NAME="orders")
    found = credentials.read()
    assert (found.host, found.port, found.database) == ("db.example", 5434, "orders")


def test_a_port_may_be_written_as_text(environment, secret):
    secret["a/b"] = json.dumps({**WHOLE, "port": "5435"})
    environment(DB_SECRET_NAME="a/b")
    assert credentials.read().port == 5435


def test_a_deployed_function_never_reads_a_dotenv_file(environment, secret, tmp_path):
    secret["a/b"] = '{"username": "app", "password": "hunter2", "host": "db.example"}'
    (tmp_path / ".env").write_text("DB_NAME=shipped-by-mistake\n")
    environment(DB_SECRET_NAME="a/b")
    with pytest.raises(OperatorError, match="dbname"):
        credentials.read()


@pytest.mark.parametrize("lack", ["username", "password", "host", "dbname"])
def test_each_lack_of_a_secret_is_named(environment, secret, lack):
    secret["a/b"] = json.dumps({name: value for name, value in WHOLE.items() if name != lack})
    environment(DB_SECRET_NAME="a/b")
    with pytest.raises(OperatorError, match=lack) as error:
        credentials.read()
    assert error.value.code == "secret_incomplete"
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("lack", ["DB_NAME", "DB_USER"])
def test_each_lack_of_direct_mode_is_named(environment, lack):
    environment(**{name: value for name, value in DIRECT.items() if name != lack})
    with pytest.raises(OperatorError, match=lack) as error:
        credentials.read()
    assert error.value.code == "database_not_configured"


@pytest.mark.parametrize(
    "raw", ["hunter2", '{"password": "hunter2"', '["hunter2"]', '{"username": 7, "password": "hunter2"}']
)
def test_a_secret_that_is_not_a_databases_json_is_refused_without_being_quoted(environment, secret, raw):
    secret["a/b"] = raw
    environment(DB_SECRET_NAME="a/b")
    with pytest.raises(OperatorError) as error:
        credentials.read()
    assert error.value.code == "secret_unreadable"
    assert "hunter2" not in str(error.value)
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:hunter2@db.example:99999/barkbase",
        "postgresql://app:hunter2@db.example",
        "postgresql://app:hunter2@a.example,b.example/barkbase",
        "postgresql://app:hunter2@/barkbase?nonsense=1",
        "mysql://app:hunter2@db.example/barkbase",
        "hunter2",
    ],
)
def test_a_bad_url_is_refused_without_being_quoted(environment, url):
    environment(DATABASE_URL=url)
    with pytest.raises(OperatorError) as error:
        credentials.read()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("port", ["0", "70000", "-1", "5432;", "²"])
def test_a_port_that_is_none_is_refused(environment, port):
    environment(**DIRECT, DB_PORT=port)
    with pytest.raises(OperatorError, match="port"):
        credentials.read()


def test_credentials_never_show_their_password():
    shown = Credentials("db.example", 5432, "barkbase", "app", "hunter2", "a/b", '{"password": "hunter2"}')
    assert "hunter2" not in f"{shown} {shown!r} {[shown]} {{'it': shown}}"
