"""The edge of a running system: handlers that hang, raise or babble, and a database that is gone."""

import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from lamppost.local.postgres.cluster import Cluster
from tests.running import House, until
from tests.wire import Line, once, request

SLEEPING = """
select count(*)
  from pg_stat_activity
 where query like '%pg_sleep(60)%' and state <> 'idle' and pid <> pg_backend_pid()
"""


def test_a_handler_that_raises_is_a_500_without_a_word_and_a_stack_in_the_log(probe: House) -> None:
    answer = probe.ask("GET", "/fail", api="probe")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert b"hunter2" not in answer.body
    logged = probe.logs("probe-api")
    assert "request.failed" in logged
    assert "hunter2" in logged
    assert answer.json["requestId"] in logged


def test_what_cannot_be_sent_is_a_500_and_the_function_lives_on(probe: House) -> None:
    assert probe.ask("GET", "/nonsense", api="probe").json["code"] == "internal_error"
    assert probe.ask("GET", "/status?code=99", api="probe").json["code"] == "internal_error"
    assert probe.ask("GET", "/things", api="probe").status == 200


def test_a_handler_that_hangs_is_answered_two_seconds_before_lambda_would_end_it(probe: House) -> None:
    answer = probe.ask("GET", "/hang", api="probe")
    assert (answer.status, answer.json["code"]) == (503, "timeout")
    assert answer.headers["retry-after"] == "5"
    assert "Task timed out" not in probe.logs("probe-slow")


def test_sql_that_hangs_is_cancelled_and_never_commits(probe: House) -> None:
    before = probe.ask("GET", "/count", api="probe").json
    assert probe.ask("GET", "/hang-in-sql", api="probe").json["code"] == "timeout"
    with probe.database("probe") as admin:
        until(lambda: admin.execute(SLEEPING).fetchone() == (0,))
    assert probe.ask("GET", "/count", api="probe").json == before


def test_bytes_headers_and_cookies_arrive_as_the_handler_gave_them(probe: House) -> None:
    heard = once(probe.running["apis"]["probe"], request("GET", "/probe/picture"))
    assert (heard.status, heard.body) == (203, b"\x89PNG\x00\xff")
    assert (heard.headers["content-type"], heard.headers["x-a"]) == ("image/png", "b")
    assert heard.cookies == ["a=1; Path=/", "b=2"]


def test_a_handler_does_not_say_how_its_answer_is_framed(probe: House) -> None:
    heard = once(probe.running["apis"]["probe"], request("GET", "/probe/frame"))
    assert (heard.body, heard.headers["content-length"], heard.headers["x-kept"]) == (b"whole", "5", "yes")
    assert "transfer-encoding" not in heard.headers


def test_a_callers_line_break_makes_no_header(probe: House) -> None:
    heard = once(probe.running["apis"]["probe"], request("GET", "/probe/say?value=a%0d%0aset-cookie:%20b=1"))
    assert heard.status == 500
    assert heard.cookies == []
    assert probe.ask("GET", "/say?value=a%20b", api="probe").headers["x-said"] == "a b"


def test_head_is_answered_like_get_without_the_body(probe: House) -> None:
    line = Line(probe.running["apis"]["probe"])
    line.say(request("HEAD", "/probe/things") + request("GET", "/probe/things"))
    head, get = line.hear("HEAD"), line.hear()
    line.close()
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", get.headers["content-type"])
    assert get.json == {"limit": 20, "q": "", "ratio": 0.0}


def test_two_requests_in_one_breath_and_a_lie_behind_them(probe: House) -> None:
    body = b'{"name":"a"}'
    raw = request("POST", "/probe/thing", {"content-type": "application/json"}, body)
    line = Line(probe.running["apis"]["probe"])
    line.say(raw + raw + b"GARBAGE\r\n\r\n")
    assert [line.hear().status for _ in range(3)] == [201, 201, 400]
    assert line.is_over()
    line.close()


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({}, "GET", 200),
        ({"Host": "localhost"}, "GET", 200),
        ({"Host": "LOCALHOST:80"}, "GET", 200),
        ({"Host": "[::1]:80"}, "GET", 200),
        ({"Host": "evil.example"}, "GET", 403),
        ({"Host": "127.0.0.1.evil.example"}, "GET", 403),
        ({"Host": "localhost.evil.example:80"}, "POST", 403),
        ({"Host": ""}, "GET", 403),
        ({"Origin": "https://evil.example"}, "POST", 403),
        ({"Origin": "null"}, "POST", 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, "DELETE", 403),
        ({"Origin": "http://[bad"}, "POST", 403),
        ({"Origin": "http://127.0.0.1:8000"}, "POST", 200),
        ({"Origin": "https://evil.example"}, "GET", 200),
    ],
)
def test_pages_of_other_sites_have_no_business_with_the_inbox(
    probe: House, headers: dict[str, str], method: str, status: int
) -> None:
    body = b"{}" if method == "POST" else None
    heard = once(probe.running["inbox"], request(method, "/_inbox", headers, body), method)
    assert heard.status == status
    assert "access-control-allow-origin" not in heard.headers


@pytest.mark.parametrize("answer", ["0", "99", "600", "abc", "٢٠٠", "9" * 5000, "-1", ""])
def test_the_inbox_answers_with_a_status_or_with_200(probe: House, answer: str) -> None:
    target = f"/_inbox?answer={quote(answer)}&limit={quote(answer)}"
    assert once(probe.running["inbox"], request("POST", target, {}, b"{}")).status == 200
    assert once(probe.running["inbox"], request("GET", target)).status == 200


def test_without_its_database_a_service_says_when_to_come_back_and_recovers(
    new_house, tmp_path: Path
) -> None:
    # A server of the operator's own: the system may not start it again.
    server = Cluster(tmp_path / "server")
    server.launch()
    server.ready()
    house: House = new_house(flags=("--postgres", server.dsn("postgres"))).up()
    try:
        person = house.register()
        server.stop()
        answer = house.ask("GET", f"/user/{person['id']}")
        assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert urlsplit(server.dsn("x")).netloc.encode() not in answer.body
        refused = house.ask("POST", "/user", {"firstName": 1})
        assert refused.status == 422
        server.launch()
        server.ready()
        assert until(lambda: _found(house, person["id"])) == person
        house.down()
    finally:
        server.stop()


def _found(house: House, person: str) -> object:
    answer = house.ask("GET", f"/user/{person}")
    assert answer.status in (200, 503)
    return json.loads(answer.body) if answer.status == 200 else None
