"""`lamppost schedule list`: what runs by the clock."""

from lamppost.cli.output import show, table
from lamppost.cli.running import DEFAULT_DATA, Data, Json, ask
from lamppost.cli.times import short


def list_(*, data: Data = DEFAULT_DATA, json: Json = False) -> None:
    """List every schedule."""
    found = ask(data, "schedule/list")
    rows = [
        (each["function"], f"{each['every_s']:g} s", short(each["last"]), short(each["next"]))
        for each in found
    ]
    show(found, lambda: table(rows, ("FUNCTION", "EVERY", "LAST", "NEXT")), as_json=json)
