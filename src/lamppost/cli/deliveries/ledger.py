"""`lamppost deliveries ledger`: what became of what was due, by the minute."""

from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.deliveries.spans import moment
from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import show, table
from lamppost.cli.running import Json
from lamppost.cli.times import short, span
from lamppost.delivery.operations import Ledger
from lamppost.delivery.reports import Book, Minute

HEADINGS = ("DUE AT", "DUE", "DELIVERED", "DEAD", "RETRYING", "CLAIMED", "WAITING", "P50", "P95", "P99")


def ledger(
    *,
    since: Annotated[
        str | None, Parameter(help="Due since: 2h (ago), 2027-03-15T09:00:00Z. Else a day.")
    ] = None,
    until: Annotated[str | None, Parameter(help="Due before. Else now.")] = None,
    limit: Annotated[int, Parameter(help="At most so many minutes, 3000 at most.")] = 1500,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Add up what was due."""
    found = Desk(where).ask(Ledger(moment(since, where), moment(until, where), limit), Book)
    show(found, lambda: _words(found), as_json=json)


def _words(found: Book) -> str:
    rows = [_row(short(each.at)[:16], each) for each in found.minutes]
    more = [f"it goes on: --since {found.more:%Y-%m-%dT%H:%MZ}"] if found.more else []
    return "\n".join([table([*rows, _row("in all", found.total)], HEADINGS), *more])


def _row(at: str, each: Minute) -> tuple[object, ...]:
    counts = (each.due, each.delivered, each.dead, each.retrying, each.claimed, each.waiting)
    return (at, *counts, span(each.p50_s), span(each.p95_s), span(each.p99_s))
