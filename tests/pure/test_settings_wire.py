"""HTTP as far as a setting needs it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamppost.settings.extension import quoted
from lamppost.settings.wire import Address, Answer, WireError, address, ask, parse

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"


@pytest.mark.parametrize(("sent", "status"), [(WHOLE, 200), (CHUNKED, 400)])
def test_an_answer_is_whole_only_with_its_last_byte(sent, status):
    ends = len(sent) if status == 200 else len(sent) - 2
    assert all(parse(bytearray(sent[:size]), ended=False) is None for size in range(ends))
    assert parse(bytearray(sent), ended=False) == Answer(status, b"hello")


def test_an_answer_without_a_length_ends_with_its_connection():
    sent = bytearray(b"HTTP/1.0 200 OK\r\n\r\nhello")
    assert parse(sent, ended=False) is None
    assert parse(sent, ended=True) == Answer(200, b"hello")


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n",
        CHUNKED.replace(b"3\r", b"z\r"),
    ],
)
def test_what_is_not_http_is_refused(sent):
    with pytest.raises(WireError):
        parse(bytearray(sent), ended=True)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_missing_or_refused(sent):
    try:
        parse(bytearray(b"HTTP/1.1 200 OK\r\n" + sent), ended=True)
    except WireError:
        pass


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://127.0.0.1:8001", Address(False, "127.0.0.1", 8001)),
        ("http://127.0.0.1:8001/", Address(False, "127.0.0.1", 8001)),
        ("https://ssm.us-east-2.amazonaws.com", Address(True, "ssm.us-east-2.amazonaws.com", 443)),
        ("http://[::1]:99", Address(False, "[::1]", 99)),
        ("http://[::1]", Address(False, "[::1]", 80)),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url, there):
    assert address(url) == there


@pytest.mark.parametrize("url", ["", "ssm", "ftp://x", "http://", "http://a/b", "http://u@h", "http://h:x"])
def test_any_other_url_is_no_endpoint(url):
    with pytest.raises(ValueError):
        address(url)


def test_a_line_break_cannot_smuggle_a_header():
    with pytest.raises(WireError, match="line break"):
        ask(Address(False, "127.0.0.1", 1), "GET", "/", {"X-Token": "a\r\nHost: b"})


@given(st.text(max_size=50))
def test_a_query_value_is_escaped_as_urllib_would(text):
    from urllib.parse import quote

    if not any("\ud800" <= sign <= "\udfff" for sign in text):
        assert quoted(text) == quote(text, safe="")
