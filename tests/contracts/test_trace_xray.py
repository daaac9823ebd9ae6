"""Spans as X-Ray's daemon takes them.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from lamppost.local.spans import spans_in
from lamppost.observe import trace
from lamppost.runtime import traced, xray

HERE = trace.Place("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", True)
NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]{1,200}")


class Daemon:
    """Listens where X-Ray's would."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"

    def document(self) -> dict[str, Any]:
        header, _, document = self.socket.recv(65_536).partition(b"\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        found: dict[str, Any] = json.loads(document)
        return found

    def silent(self) -> bool:
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(1)
        except BlockingIOError:
            return True


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    made = Daemon()
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", made.address)
    yield made
    made.socket.close()


def test_an_invocation_is_one_document_below_lambdas_own_segment(daemon):
    event = {"routeKey": "GET /user/{id}"}
    with traced.Recorded(HERE, "birthday.api", "http", event, sampled=True) as recording:
        with trace.span("select birthday.people", "sql", rows=1):
            pass
        with trace.span("POST hooks.example", "webhook") as post, trace.span("inner"):
            pass
        traced.answered(recording, {"statusCode": 503})
    document = daemon.document()
    assert document["trace_id"] == "1-4bf92f35-77b34da6a3ce929d0e0e4736"
    assert (document["type"], document["parent_id"]) == ("subsegment", HERE.span_id)
    assert document["http"] == {"response": {"status": 503}}
    assert document["fault"] is True
    sql, webhook = document["subsegments"]
    assert (sql["name"], sql["metadata"]["lamppost"]) == (
        "select birthday.people",
        {"kind": "sql", "rows": 1},
    )
    assert (webhook["id"], webhook["namespace"]) == (post.id, "remote")
    assert webhook["subsegments"][0]["name"] == "inner"
    for each in (document, sql, webhook):
        assert NAME.fullmatch(each["name"])
        assert re.fullmatch("[0-9a-f]{16}", each["id"])
        assert document["start_time"] <= each["start_time"] <= each["end_time"] <= document["end_time"]
    assert spans_in(json.dumps(document))[0].name == "birthday.api GET /user/{id}"


def test_nothing_is_sent_while_lambda_does_not_sample(daemon):
    with traced.Recorded(HERE, "birthday.api", "http", {}, sampled=False):
        pass
    assert daemon.silent()
    assert trace.recording is None


def test_what_fails_is_marked_by_its_type_alone(daemon):
    with pytest.raises(ValueError), traced.Recorded(HERE, "a.b", "invoke", {}, sampled=True):
        raise ValueError("m4rk")
    document = daemon.document()
    assert document["metadata"]["lamppost"]["error"] == "ValueError"
    assert "m4rk" not in str(document)


def test_too_much_for_one_document_goes_one_by_one(daemon):
    with traced.Recorded(HERE, "a.b", "invoke", {}, sampled=True) as recording:
        for number in range(40):
            with trace.span(f"step {number}", note="x" * 2000):
                pass
    documents = [daemon.document() for _ in range(41)]
    root, *steps = documents
    assert [step["name"] for step in steps] == [f"step {number}" for number in range(40)]
    assert {step["parent_id"] for step in steps} == {root["id"]} == {recording.root.id}


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1:x", "127.0.0.1:1", "host.invalid:2000"])
def test_a_daemon_that_is_not_there_costs_nothing(address):
    xray.send(traced.Recording(HERE, "a.b", "function", {}).finish(), address)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"id":1}', '{"id":"a","name":"b","start_time":"x"}',
     '{"id":"a","name":"b","start_time":1,"trace_id":"1-0-0"}', '{"subsegments":' * 5000],
)  # fmt: skip
def test_what_is_no_document_is_not_kept_as_a_span(text):
    assert spans_in(text) == []
