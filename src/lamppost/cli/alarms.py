"""`lamppost alarms`: what rings, and why."""

from typing import Annotated, Any

from cyclopts import Parameter

from lamppost.cli.output import show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask

_FIRST = ("ALARM", "INSUFFICIENT_DATA", "OK")


def alarms(
    service: Annotated[str, Parameter(help="Of this service only.")] = "",
    *,
    ringing: Annotated[bool, Parameter(negative=(), help="Only those in ALARM.")] = False,
    at: Annotated[
        str, Parameter(help="As they would stand then, with what is measured by now: 2027-03-15T09:05:00Z.")
    ] = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Show every alarm that AWS will have, and what it comes to here.

    A minute counts when it is over, as in CloudWatch. What only AWS measures (the database's processor and
    disk, an API's 5xx) has no data here. Exits 1 when one rings.
    """
    found = [
        alarm
        for alarm in ask(data, "alarms", at=at)
        if service in ("", alarm["service"]) and (not ringing or alarm["state"] == "ALARM")
    ]
    found.sort(key=lambda alarm: _FIRST.index(alarm["state"]))
    show(found, lambda: _words(found), as_json=json)
    return int(any(alarm["state"] == "ALARM" for alarm in found))


def _words(found: list[dict[str, Any]]) -> str:
    rings = sum(alarm["state"] == "ALARM" for alarm in found)
    rows = [(alarm["state"], alarm["name"], alarm["about"], alarm["reason"]) for alarm in found]
    return f"{table(rows, ('STATE', 'ALARM', 'WHEN', 'NOW'))}\n\n{rings} of {len(found)} ring"
