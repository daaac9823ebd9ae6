"""`lamppost schedule run`: a tick by hand."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from lamppost.cli.invoke import words
from lamppost.cli.output import show
from lamppost.cli.queue.reading import read_moment
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask


def run(
    name: Annotated[str, Parameter(help="The function: bday-scheduler, birthday.scheduler.")],
    *,
    at: Annotated[
        str | None, Parameter(help="Say that it was due then: 2027-03-15T09:00:00Z, or 2h (ago). Else: now.")
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Tick a schedule now. Exits 1 when the function failed."""
    now = datetime.fromisoformat(ask(data, "clock/show")["now"])
    result = ask(data, "schedule/run", function=name, at=read_moment(at, now) if at else None)
    show(result, lambda: words(result), as_json=json)
    return 1 if result["error"] else 0
