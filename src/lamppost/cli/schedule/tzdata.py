"""`lamppost schedule tzdata`: what other time zones move."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from lamppost.cli.desk import HERE, Desk, Where
from lamppost.cli.output import safe, show, table
from lamppost.cli.running import Json
from lamppost.cli.times import short, span
from lamppost.delivery.operations import Tzdata
from lamppost.delivery.reports import Moved


def tzdata(
    *,
    apply: Annotated[
        bool, Parameter(negative=(), help="Move them. Without it they are only listed.")
    ] = False,
    where: Where = HERE,
    json: Json = False,
) -> None:
    """List the future occurrences that the installed time zones move, and with --apply move them."""
    desk = Desk(where)
    found = desk.ask(Tzdata(apply), Moved)
    moved = last = found.moved
    while apply and last and moved < found.found:
        # One invocation has its time; whatever it left is found again.
        last = desk.ask(Tzdata(apply), Moved).moved
        moved += last
    done = msgspec.structs.replace(found, moved=moved)
    show(done, lambda: _words(done, apply), as_json=json)


def _words(done: Moved, apply: bool) -> str:
    lines = []
    if done.moves:
        rows = [
            (
                each.zone,
                each.count,
                span(each.by_s),
                f"{each.wall:%Y-%m-%d %H:%M}",
                short(each.old),
                short(each.new),
            )
            for each in done.moves
        ]
        lines.append(table(rows, ("ZONE", "COUNT", "BY", "FIRST ON THE WALL", "WAS", "BECOMES")))
    if done.unknown:
        lines.append(f"left as they are, for tzdata {done.tzdata} knows no {safe(', '.join(done.unknown))}")
    older = f"what {', '.join(done.releases)} computed" if done.releases else "nothing older"
    verb = f"moved {done.moved} of {done.found}" if apply else f"{done.found} would move"
    hint = "" if apply or not done.found else "; to move them: lamppost schedule tzdata --apply"
    lines.append(f"{verb}; tzdata {done.tzdata} is installed, {older} lies ahead{hint}")
    return "\n".join(lines)
