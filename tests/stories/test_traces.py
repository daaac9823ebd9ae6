"""One request, followed from the gateway to the webhook; nothing of anybody's in what is kept about it."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from lamppost.cli.trace import drawn
from lamppost.observe import trace
from tests.documents import Terminal
from tests.pure.test_trace_headers import GOOD, SPAN, TRACE, hostile
from tests.receiver import receiver
from tests.running import ROOT, House, until

TRACED = ROOT / "tests" / "data" / "traced"
MARK = "m4rk-of-a-c4ller"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory):
    """A system with the one service that goes the whole way."""
    folder = tmp_path_factory.mktemp("traced")
    made = House(folder / "data", root=copied(folder))
    yield made.up()
    made.end()


def copied(folder: Path) -> Path:
    shutil.copytree(TRACED, folder / "repository", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "repository"


def spans(house: House, trace_id: str, *names: str) -> list[dict[str, Any]]:
    """The spans of a trace, once those with `names` are there."""

    def complete() -> list[dict[str, Any]] | None:
        done = house.run("trace", trace_id, ok=False)
        found = json.loads(done.stdout)["spans"] if done.returncode == 0 else []
        return found if set(names) <= {span["name"] for span in found} else None

    return until(complete)


def arrived(house: House, said: str) -> dict[str, Any]:
    """What the inbox received with this note."""
    return until(lambda: next((got for got in house.inbox() if got["body"]["said"] == said), None))


def branch(found: list[dict[str, Any]], last: str) -> list[str]:
    """The names from the trace's beginning to the span `last`, each the parent of the next."""
    known = {span["id"]: span for span in found}
    (span,) = [span for span in found if span["name"] == last]
    names = []
    while span is not None:
        names.append(span["name"])
        span = known.get(span["parent"])
    return names[::-1]


def test_one_trace_goes_from_the_request_to_the_webhook(house):
    answer = house.ask("POST", "/note", {"said": "whole way"}, {"traceparent": GOOD}, api="traced")

    assert (answer.status, answer.headers["x-trace-id"], answer.json) == (202, TRACE, TRACE)
    received = trace.from_traceparent(arrived(house, "whole way")["headers"]["traceparent"])
    found = spans(house, TRACE, "POST 127.0.0.1")
    assert branch(found, "POST 127.0.0.1") == [
        "POST /traced/note", "traced-dev-api", "traced.api POST /note", "send traced-dev-notes",
        "traced-dev-worker", "traced.worker", "message", "POST 127.0.0.1",
    ]  # fmt: skip
    (post,) = [span for span in found if span["name"] == "POST 127.0.0.1"]
    assert received == trace.Place(TRACE, post["id"], True)
    assert found[0]["parent"] == SPAN
    assert [s["name"] for s in found if s["kind"] == "sql"] == [
        "insert traced.notes", "select traced.notes", "insert traced.notes",
    ]  # fmt: skip
    assert all(span["end"] >= span["begin"] and not span["error"] for span in found)


def test_the_log_lines_of_all_functions_come_by_their_trace(house):
    trace_id = house.ask("POST", "/note", {"said": "lines"}, api="traced").json
    arrived(house, "lines")
    until(lambda: len(told(house, trace_id)) == 3)
    assert told(house, trace_id) == ["note.taken", "request.answered", "note.posted"]


def told(house: House, trace_id: str) -> list[str]:
    done = house.run("logs", "--trace", trace_id, ok=False)
    return [json.loads(json.loads(line)["message"])["message"] for line in done.stdout.splitlines()]


def test_a_worker_that_is_killed_leaves_its_trace_to_the_next(house):
    trace_id = house.ask("POST", "/note", {"said": "fatal", "fatal": True}, api="traced").json
    received = trace.from_traceparent(arrived(house, "fatal")["headers"]["traceparent"])
    assert received is not None
    assert received.trace_id == trace_id
    found = spans(house, trace_id, "POST 127.0.0.1")
    workers = [span for span in found if span["name"] == "traced-dev-worker"]
    assert [span["error"] for span in workers] == ["Unhandled", ""]
    assert len({span["parent"] for span in workers}) == 1


def test_a_batch_is_linked_to_the_trace_of_each_of_its_messages(house):
    senders = [trace.Place("a" * 32, "b" * 16, True), trace.Place("c" * 32, "d" * 16, True)]
    event = {"Records": [record(place, number) for number, place in enumerate(senders)]}
    house.run("invoke", "traced.together", "--payload", json.dumps(event))
    begun = until(lambda: [s for s in house.run("trace") if s["name"] == "traced-dev-together"])
    found = spans(house, begun[0]["trace_id"], "traced.together")
    (work,) = [span for span in found if span["name"] == "traced.together"]
    assert work["links"] == [[place.trace_id, place.span_id] for place in senders]


def record(place: trace.Place, number: int) -> dict[str, Any]:
    attribute = {"stringValue": place.traceparent, "dataType": "String"}
    return {
        "messageId": f"m{number}",
        "body": "{}",
        "messageAttributes": {"traceparent": attribute},
        "eventSourceARN": "arn:aws:sqs:us-east-2:000000000000:traced-dev-together",
    }


def test_no_value_and_no_secret_is_in_any_span(house):
    said = {"said": MARK}
    trace_id = house.ask(
        "POST", f"/note?q={MARK}", said, {"authorization": f"Bearer {MARK}"}, api="traced"
    ).json
    arrived(house, MARK)
    spans(house, trace_id, "POST 127.0.0.1")
    failed = house.ask("POST", "/wrong", said, {"cookie": f"s={MARK}"}, api="traced")
    assert failed.status == 500
    found = spans(house, failed.headers["x-trace-id"], "traced.api POST /wrong")
    assert [span["error"] for span in found if span["kind"] == "sql"] == ["22P02"]
    kept = b"".join(path.read_bytes() for path in (house.data / "traces").iterdir())
    assert b"traced.notes" in kept
    assert MARK.encode() not in kept


def test_a_loop_of_statements_is_counted_and_not_kept(house):
    answer = house.ask("POST", "/many", api="traced")
    found = spans(house, answer.headers["x-trace-id"], "traced.api POST /many")
    (work,) = [span for span in found if span["kind"] == "function"]
    assert work["fields"]["dropped_spans"] == 500 - 199
    assert "× 199" in drawn(found)


def test_two_hundred_hostile_headers_do_nobody_harm(house):
    # HTTP itself takes the space around a value away.
    headers = {text.strip() for text in hostile()} - {GOOD}
    sendable = sorted(text for text in headers if text.isascii() and text.isprintable() and len(text) < 9000)
    for header in sendable:
        named = dict.fromkeys(("traceparent", "tracestate", "x-amzn-trace-id"), header)
        answer = house.ask("GET", "/health", None, named, api="traced")
        assert answer.status == 200, header
        assert trace.read_id(answer.headers["x-trace-id"])
        assert answer.headers["x-trace-id"] != TRACE
    assert len(sendable) > 100


def test_a_schedule_begins_a_trace_that_ends_at_the_webhook(new_house):
    house: House = new_house().up()
    person = house.register()
    house.run("clock", "set", person["nextGreetingAt"])
    received = trace.from_traceparent(house.inbox()[0]["headers"]["traceparent"])
    assert received is not None
    found = spans(house, received.trace_id, "POST 127.0.0.1")
    assert branch(found, "POST 127.0.0.1")[0] == "bday-dev-scheduler"
    assert {"insert birthday.chunks", "update birthday.greetings"} & {span["name"] for span in found}


def test_traces_survive_the_loss_of_everything(tmp_path):
    house = House(tmp_path / "data", root=copied(tmp_path)).up()
    try:
        trace_id = house.ask("POST", "/note", {"said": "before"}, api="traced").json
        before = spans(house, trace_id, "POST 127.0.0.1")
        house.power_cut()
        house.up()
        assert spans(house, trace_id, "POST 127.0.0.1") == before
    finally:
        house.end()


def test_an_otlp_receiver_gets_the_same_spans_and_a_silent_one_costs_nobody(tmp_path, monkeypatch):
    with receiver() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.removesuffix("/hook"))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20key")
        house = House(tmp_path / "data", root=copied(tmp_path)).up()
        try:
            trace_id = house.ask("POST", "/note", {"said": MARK}, api="traced").json
            arrived(house, MARK)
            until(lambda: len(exported(collector, trace_id)) >= 7)
            got = exported(collector, trace_id)
            collector.always(500)
            assert house.ask("GET", "/health", api="traced").status == 200
        finally:
            house.end()
    assert {span["name"] for span in got} >= {
        "traced.api POST /note",
        "insert traced.notes",
        "POST 127.0.0.1",
    }
    assert {request.path for request in collector.requests} == {"/v1/traces"}
    assert collector.requests[0].headers["x-key"] == "a key"
    assert MARK not in str(got)


def test_a_receiver_that_takes_spans_and_never_answers_costs_neither_requests_nor_traces(
    tmp_path, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        house = House(tmp_path / "data", root=copied(tmp_path)).up()
        try:
            answers = [house.ask("POST", "/note", {"said": f"{MARK} {n}"}, api="traced") for n in range(5)]
            assert {answer.status for answer in answers} == {202}
            # The webhook goes out and the local trace is whole, while every delivery hangs.
            assert arrived(house, f"{MARK} 4")
            assert spans(house, answers[0].json, "traced.api POST /note", "insert traced.notes")
        finally:
            house.end()


def exported(collector: Any, trace_id: str) -> list[dict[str, Any]]:
    bodies = [json.loads(request.body) for request in collector.requests]
    return [
        span
        for body in bodies
        for resource in body["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
        if span["traceId"] == trace_id
    ]


def test_health_says_why_the_database_is_out_and_when_to_ask_again(tmp_path):
    house = House(tmp_path / "data", root=copied(tmp_path)).up()
    try:
        well = house.ask("GET", "/health", api="traced")
        assert (well.status, well.json["status"]) == (200, "ok")
        assert well.json["database"]["latency_ms"] >= 0
        silence(house, signal.SIGSTOP)
        silent = house.ask("GET", "/health", api="traced")
        assert refused(silent) == (503, "database_unavailable", "no_answer", "5")
        silence(house, signal.SIGCONT)
        assert until(lambda: house.ask("GET", "/health", api="traced").status == 200)
        assert str(house.data) not in silent.body.decode()
    finally:
        house.end()


def silence(house: House, order: int) -> None:
    """Stop or wake every process of the house's PostgreSQL."""
    (leader,) = house._postgres()
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    for pid in (*map(int, children), leader):
        os.kill(pid, order)


def refused(answer: Any) -> tuple[int, str, str, str]:
    (error,) = answer.json["errors"]
    return answer.status, answer.json["code"], error["code"], answer.headers["retry-after"]


def test_the_guide_shows_what_happens(new_house, tmp_path):
    Terminal(new_house().up(), tmp_path).read(ROOT / "docs" / "guides" / "traces.md")
