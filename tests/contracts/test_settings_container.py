"""Credentials from the address that a function has which began as a copy, and names that have IPv6."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lamppost.errors import OperatorError
from lamppost.settings import aws, container, source
from tests.contracts.fake_settings import Shop, served

WORD = "a-word-of-lambdas"


class Vault:
    """Gives numbered credentials that end after `left` seconds, to whoever says the word."""

    def __init__(self) -> None:
        self.left = 3600.0
        self.given = 0
        self.body: bytes | None = None
        self.url = ""

    def answer(self, word: str | None) -> tuple[int, bytes]:
        if word != WORD:
            return 403, b"{}"
        self.given += 1
        ends = datetime.now(UTC) + timedelta(seconds=self.left)
        told = {
            "AccessKeyId": f"ASIA{self.given}",
            "SecretAccessKey": "a-secret-key",
            "Token": "a-session",
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return 200, self.body if self.body is not None else json.dumps(told).encode()


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    made = Vault()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.headers.get("Authorization"))
            self.send_response(status if self.path == "/2021-04-23/credentials" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/2021-04-23/credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(container.ADDRESS, made.url)
    monkeypatch.setenv(container.WORD, WORD)
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_copy_reads_its_secrets_with_the_credentials_of_its_own_address(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop()
    shop.secrets["shop/key"] = "value"
    monkeypatch.delenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", raising=False)
    with served(shop) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        source.forget()
        assert source.secret("shop/key") == "value"
        source.forget()
    assert "Credential=ASIA" in shop.headers[0]["Authorization"]
    assert shop.headers[0]["X-Amz-Security-Token"] == "a-session"


def test_credentials_are_asked_for_once_and_again_before_they_end(vault: Vault) -> None:
    assert len({aws.credentials().access for _ in range(5)}) == 1
    assert vault.given == 1


def test_what_a_snapshot_brought_along_is_not_used_when_its_time_is_over(vault: Vault) -> None:
    vault.left = container.EARLY_SECONDS - 1
    assert [aws.credentials().access for _ in range(2)] == ["ASIA1", "ASIA2"]


def test_credentials_in_the_environment_come_first(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    assert aws.credentials().access == "AKIDEXAMPLE"
    assert vault.given == 0


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest", "https://example.org/keys", "nowhere"])
def test_no_address_off_this_machine_is_asked(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv(container.ADDRESS, where)
    with pytest.raises(OperatorError) as refused:
        aws.credentials()
    assert refused.value.code == "credentials_missing"


def test_an_answer_that_is_none_is_told_without_what_was_in_it(vault: Vault) -> None:
    vault.body = b'{"AccessKeyId": "ASIA", "SecretAccessKey": 7, "Hush": "a-secret-key"}'
    with pytest.raises(OperatorError) as refused:
        aws.credentials()
    assert "answered with something else" in refused.value.what
    assert "a-secret-key" not in repr(refused.value) + repr(refused.value.__cause__)


def test_a_refusal_is_told(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(container.WORD, "another")
    with pytest.raises(OperatorError, match="answered 403"):
        aws.credentials()


@pytest.mark.parametrize("region", ["us-east-2", "cn-north-1"])
@pytest.mark.parametrize("kind", [aws.SECRET, aws.PARAMETER])
def test_the_names_with_ipv6_are_those_that_boto3_asks(
    monkeypatch: pytest.MonkeyPatch, region: str, kind: aws.Kind
) -> None:
    import boto3

    for name in ("AWS_ENDPOINT_URL", kind.endpoint):
        monkeypatch.delenv(name, raising=False)
    for dual in ("true", "false"):
        monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", dual)
        client = boto3.client(
            kind.service, region_name=region, aws_access_key_id="any", aws_secret_access_key="any"
        )
        assert aws._endpoint(kind, region)[0] == client.meta.endpoint_url
