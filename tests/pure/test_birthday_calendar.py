"""When a greeting is due, by dates alone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.birthday import calendar
from services.birthday.calendar import Hour, birthday_in, next_greeting, next_occurrence

VECTORS = [
    ("America/New_York", "2026-03-08", "2026-03-08T13:00:00Z"),
    ("America/New_York", "2026-11-01", "2026-11-01T14:00:00Z"),
    ("Europe/London", "2026-07-22", "2026-07-22T08:00:00Z"),
    ("Asia/Tokyo", "2026-12-05", "2026-12-05T00:00:00Z"),
    ("Australia/Melbourne", "2026-01-15", "2026-01-14T22:00:00Z"),
    ("Australia/Lord_Howe", "2026-07-01", "2026-06-30T22:30:00Z"),
    ("Asia/Kathmandu", "2026-06-01", "2026-06-01T03:15:00Z"),
    ("Pacific/Kiritimati", "2027-01-01", "2026-12-31T19:00:00Z"),
    ("Pacific/Pago_Pago", "2026-12-31", "2026-12-31T20:00:00Z"),
    ("America/St_Johns", "2027-02-28", "2027-02-28T12:30:00Z"),
    ("Pacific/Chatham", "2026-09-27", "2026-09-26T19:15:00Z"),
    ("Africa/Casablanca", "2026-02-28", "2026-02-28T09:00:00Z"),
    ("Asia/Kolkata", "2028-02-29", "2028-02-29T03:30:00Z"),
    # The day, or the hour, that a zone left out.
    ("Pacific/Apia", "2011-12-30", "2011-12-30T19:00:00Z"),
    ("Pacific/Kiritimati", "1994-12-31", "1994-12-31T19:00:00Z"),
    ("Europe/Athens", "1979-04-01", "1979-04-01T07:00:00Z"),
    ("Etc/GMT+12", "2026-12-31", "2026-12-31T21:00:00Z"),
]
TOKYO = calendar.zone("Asia/Tokyo")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(("zone", "day", "due"), VECTORS)
def test_nine_oclock_is_the_known_instant(zone: str, day: str, due: str) -> None:
    just_before = utc(due) - timedelta(microseconds=1)
    assert next_greeting(date.fromisoformat(day), calendar.zone(zone), after=just_before) == utc(due)


def test_at_nine_exactly_it_is_over_for_this_year() -> None:
    nine = utc("2025-03-15T00:00:00Z")
    assert next_greeting(date(1990, 3, 15), TOKYO, after=nine) == utc("2026-03-15T00:00:00Z")
    assert next_greeting(date(1990, 3, 15), TOKYO, after=nine - timedelta(seconds=1)) == nine


def test_a_leap_day_child_is_greeted_on_the_first_of_march() -> None:
    morning = next_greeting(date(2000, 2, 29), TOKYO, after=datetime(2025, 1, 1, tzinfo=UTC))
    assert morning == datetime(2025, 3, 1, 9, tzinfo=TOKYO)


def test_a_leap_day_child_may_prefer_the_end_of_february() -> None:
    morning = next_greeting(
        date(2000, 2, 29), TOKYO, after=datetime(2025, 1, 1, tzinfo=UTC), leap_day="february-28"
    )
    assert morning == datetime(2025, 2, 28, 9, tzinfo=TOKYO)


@pytest.mark.parametrize("leap_day", ["march-1", "february-28"])
def test_a_leap_day_child_is_greeted_on_the_day_itself_in_leap_years(leap_day: calendar.LeapDay) -> None:
    assert birthday_in(2028, date(2000, 2, 29), leap_day) == date(2028, 2, 29)


def test_the_year_2100_is_not_a_leap_year_and_2000_was() -> None:
    assert birthday_in(2100, date(2096, 2, 29)) == date(2100, 3, 1)
    assert birthday_in(2000, date(1996, 2, 29)) == date(2000, 2, 29)


def test_a_birthday_on_a_day_that_was_skipped_at_the_turn_of_the_year_is_found() -> None:
    new_year = utc("1994-12-31T18:00:00Z")
    kiritimati = calendar.zone("Pacific/Kiritimati")
    assert new_year.astimezone(kiritimati).year == 1995
    assert next_greeting(date(1990, 12, 31), kiritimati, after=new_year) == utc("1994-12-31T19:00:00Z")


def test_zone_names_are_the_iana_names_and_nothing_else() -> None:
    names = calendar.zone_names()
    assert {"UTC", "Europe/Kyiv", "Europe/Kiev", "Asia/Kathmandu"} <= names
    assert not {"Factory", "localtime", "posixrules", "posix/UTC", "tzdata.zi", ""} & names


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "Junk5", "asia/kathmandu"])
def test_what_is_not_a_zone_name_opens_no_file(name: str) -> None:
    with pytest.raises(KeyError):
        calendar.zone(name)


@given(
    born=st.dates(date(1900, 1, 1), date(2025, 12, 31)),
    name=st.sampled_from(sorted(calendar.zone_names())),
    after=st.integers(1_704_067_200, 2_082_758_400).map(lambda at: datetime.fromtimestamp(at, UTC)),
)
def test_the_next_greeting_is_ahead_within_the_year_and_at_nine(
    born: date, name: str, after: datetime
) -> None:
    zone: ZoneInfo = calendar.zone(name)
    due = next_greeting(born, zone, after=after)
    local = due.astimezone(zone)
    assert after < due <= after + timedelta(days=367)
    assert (local.hour, local.minute, local.second) == (9, 0, 0)
    assert local.date() == birthday_in(local.year, born)


def test_years_up_to_the_last_greeted_one_are_passed_over() -> None:
    around = datetime(2025, 1, 1, tzinfo=UTC)
    found = next_occurrence(date(1990, 3, 15), TOKYO, after=around, greeted=2026)
    assert (found.year, found.due_at) == (2027, utc("2027-03-15T00:00:00Z"))


def test_central_european_time_has_summers() -> None:
    june = next_greeting(date(1990, 6, 1), calendar.zone("CET"), after=datetime(2025, 1, 1, tzinfo=UTC))
    assert june == utc("2025-06-01T07:00:00Z")


NIGHT = time(2, 30)


@pytest.mark.parametrize(
    ("day", "hour", "due"),
    [
        # New York, 2026: on 8 March there is no 2:30, on 1 November there is 1:30 twice.
        ("2026-03-08", Hour(NIGHT), "2026-03-08T07:30:00Z"),
        ("2026-03-08", Hour(NIGHT, gap="before"), "2026-03-08T06:30:00Z"),
        ("2026-11-01", Hour(time(1, 30)), "2026-11-01T05:30:00Z"),
        ("2026-11-01", Hour(time(1, 30), repeat="last"), "2026-11-01T06:30:00Z"),
        ("2026-07-01", Hour(NIGHT, gap="before", repeat="last"), "2026-07-01T06:30:00Z"),
    ],
)
def test_an_hour_that_is_skipped_or_comes_twice_follows_the_kinds_policy(
    day: str, hour: Hour, due: str
) -> None:
    born = date.fromisoformat(day)
    zone = calendar.zone("America/New_York")
    assert calendar.occurrence_in(2026, born, zone, hour=hour).due_at == utc(due)
