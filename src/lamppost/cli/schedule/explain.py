"""`lamppost schedule explain`: when a person's next days come, and why."""

from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from lamppost.cli.deliveries.listing import deliveries
from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import show, table
from lamppost.cli.running import Json
from lamppost.cli.times import short
from lamppost.delivery.operations import Explain
from lamppost.delivery.reports import Day, Explained


def explain(
    person: Annotated[UUID, Parameter(help="The id that the API answered with.")],
    *,
    kind: Annotated[str | None, Parameter(help="Only days of this kind: birthday.")] = None,
    count: Annotated[int, Parameter(help="So many instants of each day, 100 at most.")] = 20,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Show when a person's next days come, and why then; and where this year's deliveries are."""
    found = Desk(where).ask(Explain(person, kind, count), Explained)
    show(found, lambda: _words(found), as_json=json)


def _words(found: Explained) -> str:
    parts = [_day(day) for day in found.days]
    if found.deliveries:
        parts.append(deliveries(found.deliveries))
    return "\n\n".join([*parts, f"now {short(found.now)}"])


def _day(day: Day) -> str:
    rows = [
        (each.year, f"{each.wall:%a %Y-%m-%d %H:%M}", each.offset, short(each.at), "; ".join(each.why))
        for each in day.instants
    ]
    head = f"{day.kind} on {day.day}, {day.zone} (computed with tzdata {day.tzdata})"
    return f"{head}\n{table(rows, ('YEAR', 'ON THE WALL', 'UTC', 'INSTANT', 'WHY'))}"
