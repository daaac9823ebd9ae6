"""A person's yearly days beside their birthday. What a kind is, a row of birthday.kinds says."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import Connection

from lamppost import CallerError, Context, not_found
from services.birthday import calendar, people
from services.birthday.calendar import LeapDay
from services.birthday.store import dates, kinds
from services.birthday.store import people as store
from services.birthday.store.dates import Day
from services.birthday.store.kinds import BIRTHDAY, Asked
from services.birthday.store.people import Person


class NewDay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The body of PUT /user/{id}/dates/{kind}. `leapDay` left out: as it was, or as the kind has it."""

    date: Annotated[
        str,
        Meta(
            description="a day since 1900 that has begun where the person lives",
            extra_json_schema={"format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        ),
    ]
    leap_day: LeapDay | UnsetType = UNSET


class ShownDay(msgspec.Struct, frozen=True, rename="camel"):
    """A day as the API shows it; the instant is UTC."""

    kind: str
    date: date
    leap_day: LeapDay
    next_greeting_at: datetime


def put_date(id: UUID, kind: str, body: NewDay, ctx: Context) -> ShownDay:
    """Give a person a day of this kind, or change it. What is due already goes out as it is.

    The birthday follows the date of birth: it is changed with the person.
    """
    if kind == BIRTHDAY:
        raise CallerError(409, "BIRTHDAY_FOLLOWS", "the birthday follows dateOfBirth: PUT /user/{id}")
    on = people.date_of_birth("date", body.date)
    with ctx.transaction() as db:
        person = store.hold(db, id)
        if person is None:
            raise not_found("USER_NOT_FOUND", f"there is no user {id}")
        asked = find_kind(db, kind)
        people.check_born("date", on, person.timezone, now=asked.now)
        shown = _put(db, person, asked, on, body.leap_day)
    ctx.log.info("date.saved", person=id, kind=kind)
    return shown


def _put(db: Connection[Any], person: Person, kind: Asked, on: date, chosen: LeapDay | UnsetType) -> ShownDay:
    known = next((day for day in dates.hold(db, person.id) if day.kind == kind.name), None)
    if known is None:
        leap_day = kind.leap_day if chosen is UNSET else chosen
        first = _next(person, Day(kind.name, on, leap_day, 0, 0, True), kind)
        dates.add(db, person.id, kind.name, day=on, leap_day=leap_day, zone=person.timezone, first=first)
    else:
        leap_day = known.leap_day if chosen is UNSET else chosen
        place(db, person, msgspec.structs.replace(known, day=on, leap_day=leap_day), kind)
    following = dates.next_at(db, person.id, kind.name)
    assert following is not None, "written above, and held"
    return ShownDay(kind.name, on, leap_day, following.astimezone(UTC))


def find_kind(db: Connection[Any], name: str) -> Asked:
    """The kind of this name. Raises a 404."""
    kind = kinds.find(db, name)
    if kind is None:
        raise not_found("KIND_NOT_FOUND", f"there is no kind of day called {name[:50]!r}")
    return kind


def place(db: Connection[Any], person: Person, day: Day, kind: Asked) -> None:
    """Write the day as it is now, and its next occurrence, unless that one is due. The caller holds both."""
    if day.to_come:
        to = _next(person, day, kind)
        moved = dates.move(
            db, person.id, day.kind, day=day.day, leap_day=day.leap_day, zone=person.timezone, to=to
        )
        if moved:
            return
    dates.edit(db, person.id, day.kind, day=day.day, leap_day=day.leap_day)


def _next(person: Person, day: Day, kind: Asked) -> calendar.Occurrence:
    return calendar.next_occurrence(
        day.day,
        calendar.zone(person.timezone),
        after=kind.now,
        leap_day=day.leap_day,
        hour=kind.hour,
        greeted=day.greeted_year,
    )
