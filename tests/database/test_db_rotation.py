"""Secret mode, and passwords that change while the pool is in use."""

import json
import threading
from contextlib import ExitStack

import psycopg
import pytest
from psycopg import sql

from lamppost.db import faults
from lamppost.db.bounds import Bounds
from lamppost.db.pool import Pool
from lamppost.errors import OperatorError
from lamppost.observe.log import Log
from lamppost.settings import source
from tests.contracts.fake_settings import Shop, Sidecar, beside, served
from tests.database.db_server import running

SECRET = "bday/dev/db-credentials"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture
def admin(server):
    with psycopg.connect(server.dsn("app"), autocommit=True) as connection:
        yield connection


def rotate(admin, shop, server, password):
    """What a rotation does: the server first, then the secret."""
    admin.execute(sql.SQL("alter role app password {}").format(sql.Literal(password)))
    shop.secrets[SECRET] = json.dumps(
        {"username": "app", "password": password, "host": "127.0.0.1", "port": server.port, "dbname": "app"}
    )


@pytest.fixture(params=["signed request", "extension"])
def shop(request, server, admin, monkeypatch):
    for name in (
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
        "DATABASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("DB_SECRET_NAME", SECRET)
    stock = Shop()
    rotate(admin, stock, server, "first")
    source.forget()
    with ExitStack() as stack:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stack.enter_context(served(stock)))
        if request.param == "extension":
            port = stack.enter_context(beside(Sidecar(stock)))
            monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(port))
        yield stock
    source.forget()


@pytest.fixture
def lines():
    return []


@pytest.fixture
def pool(shop, lines):
    made = Pool(Bounds(most=4, age=0.0), Log(write=lines.append))
    yield made
    made.close()


def test_a_password_changed_in_mid_traffic_costs_one_more_read_and_no_query(pool, shop, server, admin):
    failed, stop, running_since = [], threading.Event(), threading.Barrier(5)

    def traffic():
        running_since.wait()
        while not stop.is_set():
            try:
                # Every connection is new (age 0), so every query meets the changed password.
                pool.query("select 1")
            except (psycopg.Error, OperatorError) as error:
                failed.append(error)

    pool.warm_up()
    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    running_since.wait()
    # Secret and server change together: between the two no password could be right.
    with pool._slots.lock:
        rotate(admin, shop, server, "second")
    served_after = 0
    while served_after < 20 and not failed:
        pool.query("select 1")
        served_after += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(shop.asked) == 2


def test_an_open_connection_survives_the_rotation_of_its_password(shop, server, admin, lines):
    pool = Pool(Bounds(most=1), Log(write=lines.append))
    pool.warm_up()
    rotate(admin, shop, server, "third")
    assert pool.query("select 1 as one") == [{"one": 1}]
    assert len(shop.asked) == 1
    pool.close()


def test_between_a_rotations_two_steps_the_prepared_version_opens_the_server(pool, shop, server, admin):
    pool.warm_up()
    old = shop.secrets[SECRET]
    rotate(admin, shop, server, "fourth")
    shop.secrets[f"{SECRET} AWSPENDING"] = shop.secrets[SECRET]
    shop.secrets[SECRET] = old
    assert pool.query("select 1 as one") == [{"one": 1}]
    shop.secrets[SECRET] = shop.secrets.pop(f"{SECRET} AWSPENDING")
    assert pool.query("select 1 as one") == [{"one": 1}]


def test_a_wrong_secret_is_read_again_once_and_then_told(pool, shop, admin):
    pool.warm_up()
    admin.execute("alter role app password 'unknown to the secret'")
    with pytest.raises(faults.CannotConnect) as refused:
        pool.query("select 1")
    assert refused.value.reason == "authentication_failed"
    assert shop.asked == [SECRET, SECRET, f"{SECRET} AWSPENDING"]


def test_a_wrong_secret_does_not_become_a_storm_on_secrets_manager(pool, shop, admin):
    pool.warm_up()
    admin.execute("alter role app password 'unknown to the secret'")
    for _ in range(10):
        with pytest.raises(faults.CannotConnect):
            pool.query("select 1")
    assert len(shop.asked) <= 5


def test_no_log_line_of_a_rotation_holds_a_password(pool, shop, server, admin, lines):
    pool.warm_up()
    rotate(admin, shop, server, "hunter2")
    pool.query("select 1")
    assert any("secret.reread" in line for line in lines)
    assert all("hunter2" not in line and '"first"' not in line for line in lines)
    assert all(json.loads(line)["message"].startswith("[DB-LAYER] ") for line in lines)
