"""`lamppost deliveries list`: what was tried."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.deliveries.spans import moment
from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import show, table
from lamppost.cli.running import Json
from lamppost.cli.times import short
from lamppost.delivery.operations import Listing
from lamppost.delivery.reports import Delivery, Listed


def list_(
    *,
    status: Annotated[str | None, Parameter(help="Only these: delivered, waiting, dead.")] = None,
    since: Annotated[str | None, Parameter(help="Only due since: 2h (ago), 2027-03-15T09:00:00Z.")] = None,
    until: Annotated[str | None, Parameter(help="Only due before.")] = None,
    limit: Annotated[int, Parameter(help="At most so many, 1000 at most.")] = 50,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """List deliveries that were tried, latest due first."""
    request = Listing(status, moment(since, where), moment(until, where), limit)
    found = Desk(where).ask(request, Listed)
    show(found, lambda: _words(found), as_json=json)


def _words(found: Listed) -> str:
    more = ["there are more: raise --limit, or narrow --since and --until"] if found.more else []
    return "\n".join([deliveries(found.deliveries), *more])


def deliveries(some: Sequence[Delivery]) -> str:
    """A table of deliveries."""
    rows = [(each.id, each.kind, short(each.due_at), each.status, each.attempts, each.why) for each in some]
    return table(rows, ("DELIVERY", "KIND", "DUE", "STATUS", "TRIES", "WHY"))
