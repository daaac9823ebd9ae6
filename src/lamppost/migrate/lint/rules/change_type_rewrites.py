"""A column given another type while the table is in use."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, ChangeType, Found, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.widening import free

NAME = "change-type-rewrites"
SEVERITY: Severity = "block"
WHEN = "the type of a column of a table in use is changed, other than by widening what is known to be free"
HARM = (
    "nobody reads or writes the table while all of it, and its indexes, is written anew; a "
    "view on the column makes it fail"
)
INSTEAD = "add a column of the new type, fill it in a job, move the code over, drop the old one"

ON = (ChangeType,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """The old type is known from earlier files or the catalog; unknown, the worst is assumed."""
    if at.is_new(what.table) or what.kind not in {"table", "type"}:
        return
    table = at.resolved(what.table)
    for action in what.actions:
        if not isinstance(action, ChangeType):
            continue
        facts = at.known(table)
        old = facts.types.get((table, action.column))
        if facts.viewed.get((table, action.column), frozenset()) - at.dropped:
            yield Found(f"a view uses {table}.{action.column}: the server refuses the change")
        elif (
            old is None
            or action.using
            or action.collated
            or not free(old, action.type, utc=at.zone in {"utc", "gmt", "etc/utc"})
        ):
            known = f" from {old}" if old else ""
            change = f"{action.column} goes{known} to {action.type}"
            yield Found(f"nobody reads or writes {table} while it is written anew: {change}")
