"""Why a greeting is when it is, and why it is where it is: in words. Pure."""

from datetime import UTC, timedelta

from lamppost.delivery.reports import Day, Delivery, Instant
from lamppost.delivery.verdicts import ATTEMPTS
from services.birthday import calendar
from services.birthday.calendar import TZDATA, Hour, Occurrence
from services.birthday.store.looking import Standing, Tried
from services.birthday.store.pausing import Pause

# A year that nobody will be greeted in, and zones are guesses long before it.
LAST_YEAR = 9998


def explained(standing: Standing, hour: Hour, count: int) -> Day:
    """The next `count` instants of a day, the stored one first, each with what makes it so."""
    zone = calendar.zone(standing.timezone)
    stored = Occurrence(standing.year, standing.wall, standing.due_at)
    last = min(standing.year + count - 1, LAST_YEAR)
    following = [
        calendar.occurrence_in(year, standing.day, zone, standing.leap_day, hour)
        for year in range(standing.year + 1, last + 1)
    ]
    before = calendar.occurrence_in(standing.year - 1, standing.day, zone, standing.leap_day, hour)
    instants = []
    for occurrence in (stored, *following):
        why = _day_words(occurrence, standing) + _clock_words(occurrence, before, standing.timezone, hour)
        if occurrence is stored:
            why += _stored_words(standing, hour)
        offset = _offset(occurrence, standing.timezone)
        instants.append(
            Instant(occurrence.year, occurrence.wall, _signed(offset), occurrence.due_at.astimezone(UTC), why)
        )
        before = occurrence
    return Day(standing.kind, standing.day, standing.timezone, standing.tzdata, tuple(instants))


def _day_words(occurrence: Occurrence, standing: Standing) -> tuple[str, ...]:
    if (standing.day.month, standing.day.day) != (2, 29):
        return ()
    if (occurrence.wall.month, occurrence.wall.day) == (2, 29):
        return ("29 February itself",)
    return (f"{occurrence.year} has no 29 February: leap day is {standing.leap_day}",)


def _clock_words(occurrence: Occurrence, before: Occurrence, zone_name: str, hour: Hour) -> tuple[str, ...]:
    """What the zone's clocks do that day, and what is different from the year before."""
    zone, wall = calendar.zone(zone_name), occurrence.wall
    early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    words: tuple[str, ...] = ()
    if early > late:
        shown = occurrence.due_at.astimezone(zone)
        words = (f"{wall:%H:%M} is skipped that day: {hour.gap}, {shown:%Y-%m-%d %H:%M} on the clock",)
    elif early < late:
        words = (f"{wall:%H:%M} comes twice that day: the {hour.repeat}",)
    now, then = _offset(occurrence, zone_name), _offset(before, zone_name)
    if now != then:
        words += (f"UTC{_signed(now)}, the year before UTC{_signed(then)}",)
    return words


def _stored_words(standing: Standing, hour: Hour) -> tuple[str, ...]:
    """What is odd about the occurrence that stands in the table."""
    words: tuple[str, ...] = ()
    if standing.zone != standing.timezone:
        words = (f"computed for {standing.zone}; next year's is for {standing.timezone}",)
    try:
        zone = calendar.zone(standing.zone)
    except KeyError:
        return (*words, f"tzdata {TZDATA} knows no {standing.zone}")
    again = calendar.instant(standing.wall, zone, hour)
    if standing.tzdata != TZDATA and again != standing.due_at:
        words += (
            f"computed with tzdata {standing.tzdata}; {TZDATA} says {again:%Y-%m-%dT%H:%M:%SZ}:"
            " lamppost schedule tzdata --apply",
        )
    if standing.wall.time() != hour.at:
        words += (f"its kind's hour is {hour.at:%H:%M} by now: lamppost schedule tzdata --apply",)
    return words


def _offset(occurrence: Occurrence, zone_name: str) -> timedelta:
    offset = occurrence.due_at.astimezone(calendar.zone(zone_name)).utcoffset()
    assert offset is not None, "a zone has an offset at any time"
    return offset


def _signed(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def delivery(tried: Tried, pause: Pause | None) -> Delivery:
    """A greeting, and why it is where it is."""
    return Delivery(
        tried.id,
        tried.person,
        tried.kind,
        tried.year,
        tried.due_at.astimezone(UTC),
        tried.status,
        tried.attempts,
        _why(tried, pause),
        tried.try_at.astimezone(UTC) if tried.try_at else None,
        tried.settled_at.astimezone(UTC) if tried.settled_at else None,
        tried.lateness.total_seconds() if tried.lateness is not None else None,
    )


def _why(tried: Tried, pause: Pause | None) -> str:
    answer = tried.answer or "no answer is in the log"
    held = f"; sending is paused by {pause.who or 'the worker'}: {pause.why}" if pause is not None else ""
    match tried.status:
        case "delivered":
            late = tried.lateness.total_seconds() if tried.lateness is not None else 0.0
            return f"{answer}, {late:.1f} s after it was due"
        case "dead":
            return f"no success in {tried.attempts} tries, the last: {answer}"
        case "waiting" if tried.try_at is not None:
            tries = f"try {tried.attempts} of {ATTEMPTS}: {answer}" if tried.attempts else "to be sent again"
            return f"{tries}; next at {tried.try_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}{held}"
        case "waiting":
            return "due, and not claimed yet: the scheduler's next tick does it"
        case _:
            return f"{_on_its_way(tried)}{held}"


def _on_its_way(tried: Tried) -> str:
    if tried.leased_until is not None:
        return f"a worker has its chunk until {tried.leased_until.astimezone(UTC):%H:%M:%SZ} (wall clock)"
    if tried.chunked and tried.sent_at is None:
        return "in a chunk that the queue does not have yet"
    return "in a chunk on its way to a worker"
