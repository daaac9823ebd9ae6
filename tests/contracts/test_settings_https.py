"""The signed request over TLS, with a TLS server."""

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lamppost.errors import OperatorError
from lamppost.settings import source
from tests.contracts.fake_settings import respond
from tests.database.db_tls_front import authority, certificate


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        respond(self, 200, b'{"SecretString": "kept"}')

    def log_message(self, *args):
        pass


@contextmanager
def https(pair):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # A handshake that fails is the test's point, not the server's news.
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def ours(tmp_path):
    return authority(tmp_path, "ours")


@pytest.fixture(autouse=True)
def _an_environment(monkeypatch, ours):
    monkeypatch.delenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate))
    source.forget()
    yield
    source.forget()


def test_a_secret_is_read_from_a_server_that_proves_its_name(monkeypatch, tmp_path, ours):
    with https(certificate(tmp_path, ours, "DNS:localhost")) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert source.secret("a/b") == "kept"


@pytest.mark.parametrize(("signer", "name"), [("ours", "DNS:other.example"), ("stranger", "DNS:localhost")])
def test_no_key_is_shown_to_a_server_that_cannot(monkeypatch, tmp_path, ours, signer, name):
    by = ours if signer == "ours" else authority(tmp_path, signer)
    with https(certificate(tmp_path, by, name)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(OperatorError, match="CERTIFICATE_VERIFY_FAILED") as refused:
            source.secret("a/b")
    assert refused.value.code == "settings_unreachable"
