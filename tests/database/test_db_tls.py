"""The TLS path, with a TLS server."""

import os
import threading

import pytest

from lamppost.db import faults
from lamppost.db.bounds import Bounds
from lamppost.db.pool import Pool
from lamppost.observe.log import Log
from tests.database.db_server import direct, running
from tests.database.db_tls_front import authority, certificate, fronted


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture
def reach(server, monkeypatch, tmp_path):
    """A pool that trusts `bundle`, led to `host` and a front on `port`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DB_SECRET_NAME", raising=False)
    made = []

    def lead(port, bundle, host="localhost"):
        for name, value in {**direct(server), "DB_HOST": host, "DB_PORT": str(port)}.items():
            monkeypatch.setenv(name, value)
        made.append(Pool(Bounds(most=2, bundle=bundle and str(bundle)), Log(write=lambda _: None)))
        return made[-1]

    yield lead
    for pool in made:
        pool.close()


def test_a_server_with_the_right_name_from_a_known_authority_is_trusted(reach, server, ours, tmp_path):
    with fronted(server.port, certificate(tmp_path, ours, "DNS:localhost")) as port:
        pool = reach(port, ours.certificate)
        with pool.connection() as connection:
            assert connection.pgconn.ssl_in_use
        pool.close()


def test_a_server_with_another_name_is_refused(reach, server, ours, tmp_path):
    with fronted(server.port, certificate(tmp_path, ours, "DNS:other.example")) as port:
        with pytest.raises(faults.CannotConnect) as refused:
            reach(port, ours.certificate).query("select 1")
        assert refused.value.reason == "tls_refused"


def test_a_server_from_an_unknown_authority_is_refused(reach, server, ours, tmp_path):
    stranger = authority(tmp_path, "stranger")
    with fronted(server.port, certificate(tmp_path, stranger, "DNS:localhost")) as port:
        with pytest.raises(faults.CannotConnect) as refused:
            reach(port, ours.certificate).query("select 1")
        assert refused.value.reason == "tls_refused"


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(reach, server, ours):
    with pytest.raises(faults.CannotConnect) as refused:
        reach(server.port, ours.certificate).query("select 1")
    assert refused.value.reason == "tls_refused"


def test_the_shells_pgsslmode_weakens_nothing(reach, server, ours, monkeypatch):
    monkeypatch.setenv("PGSSLMODE", "disable")
    with pytest.raises(faults.CannotConnect):
        reach(server.port, ours.certificate).query("select 1")


def test_a_tunnel_on_loopback_uses_the_tls_that_is_offered(reach, server, ours, tmp_path):
    with fronted(server.port, certificate(tmp_path, ours, "DNS:elsewhere.example")) as port:
        pool = reach(port, None, host="127.0.0.1")
        with pool.connection() as connection:
            assert connection.pgconn.ssl_in_use
        pool.close()


def test_a_query_under_tls_is_stopped_too(reach, server, ours, tmp_path):
    with fronted(server.port, certificate(tmp_path, ours, "DNS:localhost")) as port:
        pool = reach(port, ours.certificate)
        ended = []

        def work():
            try:
                with pool.connection() as connection:
                    ready.set()
                    connection.execute("select pg_sleep(60)")
            except faults.Interrupted as error:
                ended.append(error)

        ready = threading.Event()
        thread = threading.Thread(target=work)
        thread.start()
        ready.wait()
        pool.interrupt()
        thread.join(20)
        assert len(ended) == 1
        pool.close()


def test_a_listener_on_loopback_that_asks_for_the_password_itself_does_not_get_it(reach):
    from tests.database.db_server import listening

    heard = []

    def impostor(line):
        while data := line.recv(4096):
            heard.append(data)
            # N: no TLS here; then AuthenticationCleartextPassword.
            line.sendall(b"N" if data[4:8] == b"\x04\xd2\x16\x2f" else b"R\0\0\0\x08\0\0\0\x03")

    with listening(impostor) as port, pytest.raises(faults.CannotConnect):
        reach(port, None, host="127.0.0.1").query("select 1")
    assert not any(b"first" in data for data in heard)
    assert os.environ["DB_PASSWORD"] == "first"
