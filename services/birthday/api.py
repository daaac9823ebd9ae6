"""People over HTTP. A person and their next greeting are stored together, or not at all."""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from psycopg import Connection

from lamppost import Context, OperatorError, SettingMissing, not_found
from lamppost.db import health
from lamppost.db.health import Health
from services.birthday import calendar, days, people
from services.birthday.calendar import LeapDay
from services.birthday.store import dates
from services.birthday.store import people as store
from services.birthday.store.kinds import BIRTHDAY
from services.birthday.store.people import Person

LEAP_DAY = "/bday/leap-day"

# What people.py accepts, for callers to read. It refuses with codes of its own: nothing is checked here.
Name = Annotated[
    str,
    Meta(
        description="1 to 100 characters, one of them visible; space around it is cut off",
        extra_json_schema={"minLength": 1},
    ),
]
Born = Annotated[
    str,
    Meta(
        description="a day since 1900 that has begun where the person lives",
        extra_json_schema={"format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    ),
]
Zone = Annotated[str, Meta(description="a name of the IANA time zone database", examples=["Europe/Berlin"])]


class NewPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The body of POST /user. `leapDay` matters to those born on 29 February."""

    first_name: Name
    last_name: Name
    date_of_birth: Born
    timezone: Zone
    leap_day: LeapDay | UnsetType = UNSET


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The body of PUT /user/{id}: what is left out stays."""

    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    date_of_birth: Born | UnsetType = UNSET
    timezone: Zone | UnsetType = UNSET
    leap_day: LeapDay | UnsetType = UNSET


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """A person as the API shows them; instants are UTC."""

    id: UUID
    first_name: str
    last_name: str
    date_of_birth: date
    timezone: str
    leap_day: LeapDay
    next_greeting_at: datetime | None
    created_at: datetime
    updated_at: datetime


def healthy(ctx: Context) -> Health:
    """Whether greetings can be stored."""
    return health.check(ctx)


def create_user(body: NewPerson, ctx: Context) -> Shown:
    """Register a person; their first greeting is the next nine o'clock on a birthday."""
    first_name = people.name("firstName", body.first_name)
    last_name = people.name("lastName", body.last_name)
    born = people.date_of_birth("dateOfBirth", body.date_of_birth)
    zone = people.timezone("timezone", body.timezone)
    usual = _usual_leap_day(ctx, born) if body.leap_day is UNSET else None
    with ctx.transaction() as db:
        kind = days.find_kind(db, BIRTHDAY)
        leap_day = body.leap_day if body.leap_day is not UNSET else usual or kind.leap_day
        people.check_born("dateOfBirth", born, zone, now=kind.now)
        person = store.create(
            db,
            first_name=first_name,
            last_name=last_name,
            date_of_birth=born,
            timezone=zone,
            leap_day=leap_day,
            first=calendar.next_occurrence(
                born, calendar.zone(zone), after=kind.now, leap_day=leap_day, hour=kind.hour
            ),
        )
    ctx.log.info("person.saved", person=person.id)
    return _shown(person)


def get_user(id: UUID, ctx: Context) -> Shown:
    """The person with this id."""
    with ctx.transaction() as db:
        person = store.find(db, id)
    if person is None:
        raise _nobody(id)
    return _shown(person)


def update_user(id: UUID, body: Changes, ctx: Context) -> Shown:
    """Change a person. A greeting still to come moves with the date and the zone.

    One that is due already goes out as it is, and a year that had its greeting gets no second one.
    """
    with ctx.transaction() as db:
        before = store.hold(db, id)
        if before is None:
            raise _nobody(id)
        now = days.find_kind(db, BIRTHDAY).now
        after = _changed(before, body)
        if after.date_of_birth != before.date_of_birth:
            people.check_born("dateOfBirth", after.date_of_birth, after.timezone, now=now)
        store.save(db, after)
        if _when(after) != _when(before):
            _move(db, after)
        person = store.find(db, id)
    assert person is not None, "held since it was found"
    ctx.log.info("person.saved", person=id)
    return _shown(person)


def put_date(id: UUID, kind: str, body: days.NewDay, ctx: Context) -> days.ShownDay:
    """Give a person a yearly day beside their birthday, or change it."""
    return days.put_date(id, kind, body, ctx)


def delete_user(id: UUID, ctx: Context) -> None:
    """Forget a person and their greetings. One that is being posted at this moment still arrives."""
    with ctx.transaction() as db:
        if not store.delete(db, id):
            raise _nobody(id)
    ctx.log.info("person.deleted", person=id)


def _changed(before: Person, body: Changes) -> Person:
    changes: dict[str, object] = {}
    if body.first_name is not UNSET:
        changes["first_name"] = people.name("firstName", body.first_name)
    if body.last_name is not UNSET:
        changes["last_name"] = people.name("lastName", body.last_name)
    if body.date_of_birth is not UNSET:
        changes["date_of_birth"] = people.date_of_birth("dateOfBirth", body.date_of_birth)
    if body.timezone is not UNSET:
        changes["timezone"] = people.timezone("timezone", body.timezone)
    if body.leap_day is not UNSET:
        changes["leap_day"] = body.leap_day
    return msgspec.structs.replace(before, **changes)


def _when(person: Person) -> tuple[date, str, LeapDay]:
    return person.date_of_birth, person.timezone, person.leap_day


def _usual_leap_day(ctx: Context, born: date) -> LeapDay | None:
    """What the operator set for those born on 29 February; None when it is the kind's row that says."""
    if (born.month, born.day) != (2, 29):
        return None
    try:
        usual = ctx.parameter(LEAP_DAY)
    except SettingMissing:
        return None
    try:
        chosen: LeapDay = msgspec.convert(usual, LeapDay)
    except msgspec.ValidationError as unknown:
        raise OperatorError(
            f"{LEAP_DAY} is {usual!r}", fix="set it to march-1 or february-28, or delete it"
        ) from unknown
    return chosen


def _move(db: Connection[Any], person: Person) -> None:
    """Put what is still to come where the person's date and zone now say.

    What is due already stays due, sent or not. What would land in the past, or in a year that has its
    greeting, goes to the next free year instead.
    """
    for day in dates.hold(db, person.id):
        if day.kind == BIRTHDAY:
            day = msgspec.structs.replace(day, day=person.date_of_birth, leap_day=person.leap_day)
        days.place(db, person, day, days.find_kind(db, day.kind))


def _shown(person: Person) -> Shown:
    # The session's zone is the server's business; the API speaks UTC.
    following = person.next_greeting_at
    return Shown(
        person.id,
        person.first_name,
        person.last_name,
        person.date_of_birth,
        person.timezone,
        person.leap_day,
        following.astimezone(UTC) if following is not None else None,
        person.created_at.astimezone(UTC),
        person.updated_at.astimezone(UTC),
    )


def _nobody(person: UUID) -> Exception:
    return not_found("USER_NOT_FOUND", f"there is no user {person}")
