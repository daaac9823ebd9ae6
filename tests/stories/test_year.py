"""A year walked in quarter hours: everyone is greeted exactly once, at nine where they live.

At length (`make faults`) birthdays lie all over the year, and the clock walks every quarter hour of it. In
the suite they lie on fourteen days, those on which clocks are changed among them: these are walked in
quarter hours, from the first zone's nine o'clock to the last one's, and the empty time between in strides.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from tests.forms import Form
from tests.running import House

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=365)

# Zone, birthday, and the instant of nine o'clock there, each checked by hand against the tz database.
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
    ("Pacific/Chatham", "2026-09-27", "2026-09-26T19:15:00Z"),
    ("Africa/Casablanca", "2026-02-28", "2026-02-28T09:00:00Z"),
]
# These lie beyond the year that is walked: what the system promises for them is asked at its end.
LATER = [
    ("America/St_Johns", "2027-02-28", "2027-02-28T12:30:00Z"),
    ("Asia/Kolkata", "2028-02-29", "2028-02-29T03:30:00Z"),
]
# In the suite: the vectors' days, and the Sundays on which Europe, Australia and Chile change their clocks.
DAYS = sorted(
    {date.fromisoformat(day) for _, day, _ in VECTORS if day < "2027"}
    | {date(2026, 3, 1), date(2026, 3, 29), date(2026, 4, 5), date(2026, 10, 25)}
)


def zones() -> list[str]:
    """Every IANA zone of the pinned tzdata."""
    return sorted(set((files("tzdata") / "zones").read_text().split()) - {"localtime", "Factory"})


@cache
def zone_info(name: str) -> ZoneInfo:
    """The zone as the pinned tzdata has it, not as this machine's own, perhaps older, files have it."""
    with (files("tzdata") / "zoneinfo" / name).open("rb") as compiled:
        return ZoneInfo.from_file(compiled, key=name)


def birthday_of(number: int, form: Form) -> date:
    """All over the year, whose first and last fortnight are the vectors'; in the suite one of its days."""
    if not form.long:
        return DAYS[number % len(DAYS)].replace(year=1980 + number % 30)
    return date(1980 + number % 30, 1, 15) + timedelta(days=(number * 37) % 330)


def nine_on(day: date, zone: str) -> datetime:
    """Nine o'clock there, told by Python's own zoneinfo."""
    return datetime.combine(day, time(9), zone_info(zone)).astimezone(UTC)


def this_year(born: date, leap_day: str) -> date:
    """The day in 2026 (no leap year) on which someone born then is greeted."""
    if (born.month, born.day) == (2, 29):
        return date(2026, 3, 1) if leap_day == "march-1" else date(2026, 2, 28)
    return born.replace(year=2026)


def mornings(form: Form) -> list[tuple[datetime, datetime]]:
    """What is walked in quarter hours: from before nine in the first zone until after it in the last one."""
    if form.long:
        return [(START, END)]
    spans: list[tuple[datetime, datetime]] = []
    for day in DAYS:
        nine = datetime.combine(day, time(9), UTC)
        begin, end = nine - timedelta(hours=14, minutes=20), nine + timedelta(hours=12, minutes=20)
        if spans and begin <= spans[-1][1]:
            begin = spans.pop()[0]
        spans.append((begin, end))
    return spans


def walk(house: House, at: datetime, to: datetime, tick: str) -> datetime:
    """From `at` on to `to`, unless that lies behind; where the clock then stands."""
    if to <= at:
        return at
    moved = house.run("clock", "advance", f"{(to - at).total_seconds():.0f}s", "--tick", tick)
    return datetime.fromisoformat(moved["now"])


@pytest.mark.slow
def test_everyone_is_greeted_once_in_a_year_at_nine_where_they_live(new_house, form: Form):
    house: House = new_house(flags=("--fast",)).up()
    house.run("clock", "set", START.isoformat())
    expected: dict[str, datetime] = {}
    for number, zone in enumerate(zones()):
        born = birthday_of(number, form)
        person = house.register(firstName=f"Person {number}", dateOfBirth=born.isoformat(), timezone=zone)
        expected[person["id"]] = nine_on(this_year(born, "march-1"), zone)
    for zone, day, instant in VECTORS:
        person = house.register(dateOfBirth=f"1990{day[4:]}", timezone=zone)
        expected[person["id"]] = datetime.fromisoformat(instant)
    for leap_day in ("march-1", "february-28"):
        for zone in ("Asia/Tokyo", "America/Los_Angeles"):
            person = house.register(dateOfBirth="2000-02-29", timezone=zone, leapDay=leap_day)
            expected[person["id"]] = nine_on(this_year(date(2000, 2, 29), leap_day), zone)
    later = {
        house.register(dateOfBirth="2000-02-29" if "02-29" in day else f"1990{day[4:]}", timezone=zone)[
            "id"
        ]: instant
        for zone, day, instant in LATER
    }

    at = START
    for begin, end in mornings(form):
        at = walk(house, at, begin, "6h")
        at = walk(house, at, end, "15m")
    walk(house, at, END, "6h")

    arrivals = house.inbox()
    counts = Counter(arrival["body"]["userId"] for arrival in arrivals)
    assert {person: counts[person] for person in expected} == dict.fromkeys(expected, 1)
    assert set(counts) == set(expected) | set(later)
    for arrival in arrivals:
        body = arrival["body"]
        assert set(body) == {"message", "userId", "eventId", "timestamp"}
        if body["userId"] in expected:
            assert datetime.fromisoformat(body["timestamp"]) == expected[body["userId"]]
    with house.database() as database:
        # Ticks lie on quarter hours, and so do all of today's nine o'clocks: nobody waited for the next.
        late = database.execute("select count(*) from birthday.greetings where lateness > '30s'").fetchone()
        left = database.execute("select count(*) from birthday.chunks").fetchone()
    assert late == (0,)
    assert left == (0,)

    house.run("clock", "set", "2027-01-02T00:00:00Z")
    promised = {person: house.ask("GET", f"/user/{person}").json["nextGreetingAt"] for person in later}
    saint_johns, kolkata = later
    assert promised[saint_johns] == later[saint_johns]
    house.run("clock", "set", "2027-06-01T00:00:00Z")
    assert house.ask("GET", f"/user/{kolkata}").json["nextGreetingAt"] == later[kolkata]
