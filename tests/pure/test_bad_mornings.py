"""Nine in the morning on the days that zones skipped, shortened or lived twice."""

from datetime import UTC, date, datetime, time

from services.birthday import calendar
from tests.bad_inputs import cases


@cases("mornings")
def test_nine_oclock_comes_once_on_every_day_there_was(case: dict[str, str]) -> None:
    day = date.fromisoformat(case["day"])
    occurrence = calendar.occurrence_in(day.year, day, calendar.zone(case["zone"]))
    assert occurrence.due_at == datetime.fromisoformat(case["due"]).astimezone(UTC)
    assert occurrence.wall == datetime.combine(day, time(9))


def test_2100_is_no_leap_year() -> None:
    born = date(2096, 2, 29)
    assert calendar.birthday_in(2100, born) == date(2100, 3, 1)
    assert calendar.birthday_in(2100, born, "february-28") == date(2100, 2, 28)
    assert calendar.birthday_in(2104, born) == date(2104, 2, 29)
