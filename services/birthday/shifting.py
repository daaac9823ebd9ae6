"""Which occurrences other time zones put elsewhere, and by how much. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from lamppost.delivery.reports import Move
from services.birthday import calendar
from services.birthday.calendar import Hour
from services.birthday.store.moving import Ahead


class Shifts(msgspec.Struct, frozen=True):
    """What moves, each with its new instant, and the zones that are gone from the installed release."""

    moves: tuple[tuple[Ahead, datetime], ...]
    unknown: tuple[str, ...]


def shifts(ahead: Sequence[Ahead], hours: Mapping[str, Hour]) -> Shifts:
    """Compute each again from its wall time: the day and the hour stay, the instant may not."""
    moves, unknown = [], set()
    for each in ahead:
        if each.zone not in calendar.zone_names():
            unknown.add(each.zone)
            continue
        new = calendar.instant(each.wall, calendar.zone(each.zone), hours[each.kind])
        if new != each.due_at:
            moves.append((each, new))
    return Shifts(tuple(moves), tuple(sorted(unknown)))


def listed(moves: Sequence[tuple[Ahead, datetime]]) -> tuple[Move, ...]:
    """The moves by zone and distance, the first of each as an example."""
    groups: dict[tuple[str, float], list[tuple[Ahead, datetime]]] = {}
    for each, new in moves:
        groups.setdefault((each.zone, (new - each.due_at).total_seconds()), []).append((each, new))
    found = []
    for (zone, by), members in sorted(groups.items()):
        first, new = min(members, key=lambda member: member[0].due_at)
        count = sum(each.count for each, _ in members)
        found.append(Move(zone, count, by, first.wall, first.due_at.astimezone(UTC), new.astimezone(UTC)))
    return tuple(found)
