"""What a person may be called, when they may be born, and where they may live."""

from datetime import UTC, date, datetime

import pytest

from lamppost.errors import CallerError
from services.birthday import people
from tests.birthday import refused

NAMES = [
    "O'Brien", "Null", "None", "true", "007", "<b>a</b>", "<script>alert(1)</script>",
    "<svg/onload=alert(1)>", "</style><style>*{display:none}", "javascript:alert(1)",
    "abc אבג 123", "\u202eevil\u202c", "𝓐",
    "🇳🇵", "ａｄｍｉｎ", "straße", "cafe\u0301", "x" * 100, "𝓐" * 100, "José Ángel", "Nguyễn",
]  # fmt: skip

UNNAMEABLE = [
    "", " ", "\t\n", "\u200b\u200d\ufeff", "a\x00b", "a\x07b", "\x1b[31mred", "\x1b]8;;http://x\x07a\x1b]8;;\x07",
    "a\r\nBcc: x@y.z", "a\x85b", "\ud800", "\U000e0041", "x" * 101, "\u3164", "\u2800", "\u00a0", "\u0301",
]  # fmt: skip


@pytest.mark.parametrize("text", NAMES)
def test_people_are_called_all_sorts_of_things(text: str) -> None:
    assert people.name("firstName", text) == text


@pytest.mark.parametrize("text", UNNAMEABLE)
def test_a_name_that_shows_nothing_or_cannot_be_printed_is_refused(text: str) -> None:
    with pytest.raises(CallerError) as caught:
        people.name("firstName", text)
    assert refused(caught.value) == (422, "invalid_text", "firstName")


def test_space_around_a_name_is_dropped_before_it_is_counted() -> None:
    assert people.name("lastName", "  " + "x" * 100 + "\u00a0") == "x" * 100


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29", "0000-01-01", "10000-01-01", "today", "epoch", "infinity", "2026-1-1",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+25:00", "2026-01-01T24:00:00Z", "٢٠٢٦-01-01", " 2026-01-01", "2026-01-01 ",
        "2026-01-01\n", "20260101", "2026-W01-1", "1899-12-31", "", "2100-02-29", "-001-01-01", "1990-13-01",
    ],
)  # fmt: skip
def test_a_date_is_four_two_and_two_plain_digits_and_exists(text: str) -> None:
    with pytest.raises(CallerError) as caught:
        people.date_of_birth("dateOfBirth", text)
    assert refused(caught.value) == (422, "invalid_date", "dateOfBirth")


def test_the_29th_of_february_exists_in_leap_years() -> None:
    assert people.date_of_birth("dateOfBirth", "2000-02-29") == date(2000, 2, 29)


def test_born_today_is_fine_where_it_is_already_today() -> None:
    now = datetime(2026, 6, 1, 20, tzinfo=UTC)
    tomorrow = date(2026, 6, 2)
    people.check_born("dateOfBirth", tomorrow, "Asia/Tokyo", now=now)
    with pytest.raises(CallerError) as caught:
        people.check_born("dateOfBirth", tomorrow, "America/New_York", now=now)
    assert refused(caught.value) == (422, "invalid_date", "dateOfBirth")


def test_the_last_day_that_a_date_can_name_is_in_the_future() -> None:
    last = people.date_of_birth("dateOfBirth", "9999-12-31")
    with pytest.raises(CallerError):
        people.check_born("dateOfBirth", last, "UTC", now=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    ["Asia/Kathmandu", "Pacific/Kiritimati", "Europe/Kyiv", "Europe/Kiev", "EST5EDT", "UTC", "Etc/GMT+12"],
)
def test_zones_and_their_aliases_are_stored_as_given(text: str) -> None:
    assert people.timezone("timezone", text) == text


@pytest.mark.parametrize(
    "text",
    [
        "tzdata.zi", "posixrules", "posix/UTC", "right/UTC", "/etc/passwd", "../etc/passwd", "a" * 5000,
        "GMT+5", "Junk5", "Foo+99", "localtime", "Factory", "", " UTC", "UTC\x00", "+05:45",
        "\ud800", "UTC;drop table",
    ],
)  # fmt: skip
def test_what_is_not_an_iana_name_is_refused(text: str) -> None:
    with pytest.raises(CallerError) as caught:
        people.timezone("timezone", text)
    assert refused(caught.value) == (422, "unknown_time_zone", "timezone")
    assert len(caught.value.what) < 300


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("utc", "UTC"),
        ("asia/kathmandu", "Asia/Kathmandu"),
        ("America/New York", "America/New_York"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_a_zone_that_is_nearly_right_is_suggested(text: str, meant: str) -> None:
    with pytest.raises(CallerError, match=f"did you mean {meant}\\?"):
        people.timezone("timezone", text)
