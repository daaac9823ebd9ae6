"""Which messages an operator means, and how fast and since when."""

from datetime import UTC, datetime, timedelta

import pytest

from lamppost.cli.queue.filters import Meant, read_filter
from lamppost.cli.queue.letters import Letter, reasons
from lamppost.cli.queue.reading import length, read_moment, read_rate
from lamppost.errors import OperatorError

NOON = datetime(2027, 3, 15, 12, tzinfo=UTC)


def letter(body: str, **attributes: str) -> Letter:
    told = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    return Letter("1", body, told, NOON, 1)


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("userId=u-7", True),
        ("$.userId=u-7", True),
        ("userId=u", False),
        ("userId~u", True),
        ("missing=x", False),
        ("missing=", False),
        ("count=3", True),
        ("open=true", True),
        ("none=null", True),
        ("items[1].kind=late", True),
        ("items[9].kind=late", False),
        ("items.kind=late", False),
        ("note=a=b~c", True),
        ("@why~timeout", True),
        ("@other~timeout", False),
        ("$~Grüße", True),
    ],
)
def test_a_filter_says_which_messages_are_meant(typed: str, fits: bool) -> None:
    body = (
        '{"userId": "u-7", "count": 3, "open": true, "none": null, "note": "a=b~c",'
        ' "items": [{}, {"kind": "late"}], "text": "Grüße"}'
    )
    assert Meant((read_filter(typed),))(letter(body, why="a timeout")) is fits


@pytest.mark.parametrize(
    "body", ["not JSON", "[" * 100_000, "3", '""'], ids=["text", "deep", "number", "empty"]
)
def test_a_body_that_has_no_such_field_is_not_meant_and_hurts_nobody(body: str) -> None:
    assert not Meant((read_filter("userId=7"),))(letter(body))


@pytest.mark.parametrize(
    "typed", ["", "userId", "=7", "~7", "a..b=1", ".a=1", "a[x]=1", "a[=1", "a[99999999]=1"]
)
def test_what_is_no_filter_is_refused(typed: str) -> None:
    with pytest.raises(OperatorError) as refused:
        read_filter(typed)
    assert refused.value.code == "filter_malformed"


def test_messages_are_meant_by_when_they_were_sent() -> None:
    sent = letter("{}")
    assert Meant(since=NOON)(sent)
    assert not Meant(since=NOON + timedelta(seconds=1))(sent)
    assert not Meant(before=NOON)(sent)


@pytest.mark.parametrize(("typed", "rate"), [("50/s", 50), ("600/m", 10), ("36/h", 0.01), ("2.5", 2.5)])
def test_a_rate_is_so_many_in_a_time(typed: str, rate: float) -> None:
    assert read_rate(typed) == rate


@pytest.mark.parametrize("typed", ["", "fast", "0/s", "-1/s", "1e9/s", "99999/s", "5/d", "nan", "inf"])
def test_what_is_no_rate_is_refused(typed: str) -> None:
    with pytest.raises(OperatorError):
        read_rate(typed)


def test_a_moment_is_a_time_or_so_long_ago() -> None:
    assert read_moment("2h", NOON) == NOON - timedelta(hours=2)
    assert read_moment("2027-03-15T09:00:00", NOON) == NOON - timedelta(hours=3)
    assert read_moment("2027-03-15T09:00:00+09:00", NOON) == NOON - timedelta(hours=12)
    for wrong in ("", "soon", "99999999y"):
        with pytest.raises(OperatorError):
            read_moment(wrong, NOON)


def test_letters_are_grouped_by_what_they_died_of() -> None:
    given_up = letter("{}", **{"lamppost.why": "no such dog"})
    said = letter('{"reason": "status 500"}')
    assert reasons([said, given_up, said]) == [(2, "status 500"), (1, "no such dog")]


@pytest.mark.parametrize(
    ("span", "said"), [(0, "0 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_061, "1 d 1 h"), (-5, "0 s")]
)
def test_a_length_is_said_in_two_units(span: int, said: str) -> None:
    assert length(timedelta(seconds=span)) == said
