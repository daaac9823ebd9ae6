"""Which occurrences other time zones or another hour put elsewhere, and by how much. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from lamppost.delivery.reports import Move
from services.birthday import calendar
from services.birthday.calendar import Hour
from services.birthday.store.moving import Ahead


class Shift(msgspec.Struct, frozen=True):
    """Where these occurrences belong: the wall time (naive) and its instant."""

    some: Ahead
    wall: datetime
    due_at: datetime


class Shifts(msgspec.Struct, frozen=True):
    """What moves, and the zones that are gone from the installed release."""

    moves: tuple[Shift, ...]
    unknown: tuple[str, ...]


def shifts(ahead: Sequence[Ahead], hours: Mapping[str, Hour]) -> Shifts:
    """Compute each again: the day stays, the hour is its kind's, the instant may be another."""
    moves, unknown = [], set()
    for each in ahead:
        if each.zone not in calendar.zone_names():
            unknown.add(each.zone)
            continue
        wall = datetime.combine(each.wall, hours[each.kind].at)
        due_at = calendar.instant(wall, calendar.zone(each.zone), hours[each.kind])
        if (wall, due_at) != (each.wall, each.due_at):
            moves.append(Shift(each, wall, due_at))
    return Shifts(tuple(moves), tuple(sorted(unknown)))


def listed(moves: Sequence[Shift]) -> tuple[Move, ...]:
    """The moves by zone and distance, the first of each as an example."""
    groups: dict[tuple[str, float], list[Shift]] = {}
    for each in moves:
        by = (each.due_at - each.some.due_at).total_seconds()
        groups.setdefault((each.some.zone, by), []).append(each)
    found = []
    for (zone, by), members in sorted(groups.items()):
        first = min(members, key=lambda member: member.some.due_at)
        count = sum(each.some.count for each in members)
        old, new = first.some.due_at.astimezone(UTC), first.due_at.astimezone(UTC)
        found.append(Move(zone, count, by, first.some.wall, old, new))
    return tuple(found)
