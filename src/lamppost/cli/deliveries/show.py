"""`lamppost deliveries show`: what came back from each attempt."""

from typing import Annotated

from cyclopts import Parameter

from lamppost.cli import output
from lamppost.cli.deliveries.listing import deliveries
from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.running import Json
from lamppost.cli.times import short
from lamppost.delivery.operations import Attempts
from lamppost.delivery.reports import Attempt, Attempted

# So much of an answer says what it is; --json has the rest of what is kept.
HEAD = 60


def show(
    of: Annotated[str, Parameter(help="An eventId, a webhook-id (msg_…), or a person's id.")],
    *,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """Show every attempt at a delivery, or at everything for a person."""
    found = Desk(where).ask(Attempts(of), Attempted)
    output.show(found, lambda: _words(found), as_json=json)


def _words(found: Attempted) -> str:
    if not found.attempts:
        return f"{deliveries(found.deliveries)}\n\nno attempt is in the log"
    rows = [_row(each) for each in found.attempts]
    log = output.table(rows, ("AT", "DELIVERY", "TRY", "ANSWER", "MS", "IT BEGAN"))
    return f"{deliveries(found.deliveries)}\n\n{log}"


def _row(each: Attempt) -> tuple[object, ...]:
    began = " ".join(each.head.split())[:HEAD]
    return short(each.at), each.delivery, each.attempt, each.error or each.status, each.latency_ms, began
