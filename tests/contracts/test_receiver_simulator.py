"""The receiver simulator does what its behaviours are called, tells what came, and ends as it should."""

import base64
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from lamppost.delivery import signing
from lamppost.delivery.simulator.running import running
from lamppost.delivery.simulator.server import Simulator
from lamppost.errors import OperatorError

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def post(url: str, body: bytes = b"{}", **headers: str) -> http.client.HTTPResponse:
    """Any client but ours."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    target = url.removeprefix(f"{parts.scheme}://{parts.netloc}") or "/"
    connection.request(
        "POST", target, body, {name.replace("_", "-"): value for name, value in headers.items()}
    )
    return connection.getresponse()


def signed(message_id: str, secret: str = SECRET, body: bytes = b"{}") -> dict[str, str]:
    return dict(signing.headers(signing.keys(secret), message_id, int(time.time()), body))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Simulator]:
    with running(doors=True) as simulator:
        yield simulator


def fates(seed: int, behave: str = "429:0.3,reset:20%,slow:0.1s") -> list[str]:
    from lamppost.delivery.simulator.mix import read_mix

    mix = read_mix(behave, seed)
    return [mix.fate(f"msg_{n % 100}", n // 100 + 1).name for n in range(1000)]


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert fates(7) == fates(7)
    assert fates(7) != fates(8)


def test_shares_are_kept_and_the_rest_is_for_who_has_none() -> None:
    met = fates(7)
    assert met.count("status") == pytest.approx(300, abs=60)
    assert met.count("reset") == pytest.approx(200, abs=60)
    assert met.count("slow") == 1000 - met.count("status") - met.count("reset")


def test_what_nobody_takes_is_answered_well() -> None:
    assert set(fates(1, "429:0.5")) == {"status", "ok"}
    assert set(fates(1, "")) == {"ok"}
    assert set(fates(1, "reset:100%")) == {"reset"}


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        ("dance", "simulator_behaviour"),
        ("slow:2s:0.1:x", "simulator_behaviour"),
        ("429:0.6,500:0.6", "simulator_share"),
    ],
)
def test_a_mix_that_cannot_be_is_refused_with_what_can(behave: str, code: str) -> None:
    with pytest.raises(OperatorError) as caught:
        Simulator(behave=behave)
    assert caught.value.code == code


def test_a_secret_that_cannot_verify_is_refused_at_the_start() -> None:
    with pytest.raises(OperatorError, match="signing secret"):
        Simulator(secret="whsec_short")


def test_a_path_names_a_behaviour_and_any_other_path_gets_the_mix() -> None:
    with running(behave="503:1.0") as receiver:
        assert post(f"{receiver.url}/ok").status == 200
        assert post(f"{receiver.url}/status/418").status == 418
        assert post(f"{receiver.url}/hooks/greetings").status == 503
        assert post(receiver.url).status == 503


def test_an_option_that_is_no_number_is_said(receiver: Simulator) -> None:
    answer = post(f"{receiver.url}/slow?seconds=soon")
    assert (answer.status, b"seconds=soon" in answer.read()) == (400, True)


def test_several_requests_go_over_one_connection(receiver: Simulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(receiver.url).port, timeout=10)
    for code in (200, 404, 201):
        connection.request("POST", f"/status/{code}", b"{}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (code, b"ok")


def test_the_bomb_unpacks_to_a_gigabyte(receiver: Simulator) -> None:
    packed = post(f"{receiver.url}/gzip-bomb").read()
    assert len(packed) < 2 * 1024**2
    # Past the ten bytes of gzip's header; its checksum at the end is not a true one.
    packed, unpacker, size = packed[10:], zlib.decompressobj(wbits=-15), 0
    while packed and not unpacker.eof:
        size += len(unpacker.decompress(packed, 16 * 1024**2))
        packed = unpacker.unconsumed_tail
    assert size == 1024**3


def test_the_report_counts_messages_repeats_and_what_they_met() -> None:
    with running() as receiver:
        for path in ("status/500", "status/503", "ok"):
            post(f"{receiver.url}/{path}", webhook_id="msg_1")
        post(f"{receiver.url}/ok", webhook_id="msg_2")
        post(f"{receiver.url}/ok")
        report = receiver.report()
    assert (report.requests, report.messages, report.repeats, report.without_id) == (5, 2, 2, 1)
    assert report.behaviours == {"ok": 3, "status": 2}
    assert (report.most_tried[0]["id"], report.most_tried[0]["fates"]) == (
        "msg_1",
        ["status", "status", "ok"],
    )


def test_the_report_says_whose_signature_does_not_fit_and_whose_body_changed() -> None:
    with running(secret=SECRET) as receiver:
        post(receiver.url, **signed("msg_1"))
        post(receiver.url, **signed("msg_2", OTHER))
        post(receiver.url, body=b"[]", **signed("msg_1", body=b"[]"))
        post(receiver.url)
        report = receiver.report()
    assert report.signatures == {"good": 2, "webhook_header_missing": 1, "webhook_signature_invalid": 1}
    assert report.changed == 1


def test_who_sends_a_million_ids_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from lamppost.delivery.simulator import ledger

    monkeypatch.setattr(ledger, "IDS_MAX", 3)
    with running() as receiver:
        for number in range(5):
            post(receiver.url, webhook_id=f"msg_{number}")
        report = receiver.report()
    assert (report.requests, report.messages) == (5, 3)


@pytest.mark.parametrize(
    ("door", "why"),
    [("tls-expired", "expired"), ("tls-wrong-host", "mismatch"), ("tls-self-signed", "self-signed")],
)
def test_a_bad_certificate_is_bad_for_its_own_reason(receiver: Simulator, door: str, why: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=why):
        shake_hands(receiver, door, ssl.create_default_context(cafile=receiver.authority))


def test_the_good_certificate_is_good_and_its_door_behaves_by_path(receiver: Simulator) -> None:
    port = urlsplit(receiver.url_of("tls-ok")).port
    trusting = ssl.create_default_context(cafile=receiver.authority)
    connection = http.client.HTTPSConnection("localhost", port, context=trusting, timeout=10)
    connection.request("POST", "/status/418", b"{}")
    assert connection.getresponse().status == 418


def test_the_old_door_speaks_to_who_is_as_old(receiver: Simulator) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(receiver.authority)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
    assert shake_hands(receiver, "tls-old", old) in ("TLSv1", "TLSv1.1")


def shake_hands(receiver: Simulator, door: str, context: ssl.SSLContext) -> str | None:
    address = ("127.0.0.1", urlsplit(receiver.url_of(door)).port)
    with (
        socket.create_connection(address, timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        return secure.version()


@contextmanager
def command(*arguments: str, **variables: str) -> Iterator[tuple[dict[str, Any], "subprocess.Popen[str]"]]:
    """The command, and the line it says when it listens."""
    program = [sys.executable, "-c", "from lamppost.cli.main import main; main()", "receiver", *arguments]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, env={**os.environ, **variables}
    ) as process:
        try:
            assert process.stdout is not None
            yield msgspec.json.decode(process.stdout.readline()), process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_listens_until_it_is_ended_and_then_reports(number: signal.Signals) -> None:
    with command("--behave", "429:1.0", "--seed", "7", LAMPPOST_WEBHOOK_SECRET=SECRET) as (said, process):
        assert post(said["url"], **signed("msg_1")).status == 429
        # Somebody hangs on: that keeps nobody from ending it.
        hanging = socket.create_connection(("127.0.0.1", urlsplit(said["url"]).port))
        hanging.sendall(b"POST /silent HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
        process.send_signal(number)
        report = msgspec.json.decode(process.stdout.read())
        hanging.close()
        assert process.wait() == 130
    assert (report["seed"], report["signatures"]["good"]) == (7, 1)
    assert SECRET not in str(report) + str(said)


def test_a_taken_port_is_an_error_with_a_way_out(receiver: Simulator) -> None:
    with pytest.raises(OperatorError, match="is taken"), running(port=urlsplit(receiver.url).port):
        pass
