"""Our nine o'clock against an independent judge: PostgreSQL's own time zones."""

from datetime import date, timedelta
from typing import Any

import psycopg

from services.birthday import calendar

# PostgreSQL takes these names for abbreviations, that is, for offsets that know no summer.
MISREAD = {"CET", "EET", "MET", "WET"}
DAYS = [date(2015, 1, 1) + timedelta(days=5 * n) for n in range(730)] + [
    date(1979, 4, 1), date(1994, 12, 31), date(2011, 12, 30), date(2020, 2, 29), date(2023, 12, 31),
]  # fmt: skip

JUDGE = """
select z.zone, d.day, (d.day + time '09:00') at time zone z.zone
  from unnest(%s::text[]) as z (zone)
 cross join unnest(%s::date[]) as d (day)
"""


def test_postgresql_agrees_about_every_nine_oclock_of_ten_years_in_every_zone_it_reads(
    database: Any,
) -> None:
    with psycopg.connect(database("birthday").app) as db:
        answers = db.execute(JUDGE, (sorted(calendar.zone_names()), DAYS)).fetchall()
    differing = {
        zone
        for zone, day, due in answers
        if due != calendar.occurrence_in(day.year, day, calendar.zone(zone)).due_at
    }
    assert len(answers) == len(calendar.zone_names()) * len(DAYS)
    assert differing <= MISREAD
