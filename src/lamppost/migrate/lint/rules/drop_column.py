"""A column removed from under running code."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, DropColumn, Found, Name, Severity
from lamppost.migrate.lint.state import State

NAME = "drop-column"
SEVERITY: Severity = "block"
WHEN = "a column or a composite type's attribute is dropped outside the contract phase"
HARM = "code that still runs selects and inserts it, and fails"
INSTEAD = "stop using it, deploy, and drop it in a file that begins with -- lamppost: phase contract"

ON = (DropColumn,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """In the contract phase it is expected; `cascade` takes unnamed things along in any phase."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if isinstance(action, DropColumn):
            if (at.resolved(what.table), action.column) in at.new_columns:
                continue
            if action.cascade:
                yield Found(
                    f"cascade drops everything that uses {what.table}.{action.column}, unnamed",
                    instead="drop what uses it by name first",
                )
            elif views := _views(what.table, action.column, at):
                yield Found(
                    f"{views} uses {what.table}.{action.column}: the server refuses to drop it",
                    instead="drop or replace the view first",
                )
            elif not at.contracting:
                yield Found(f"running code still uses {what.table}.{action.column}")


def _views(table: Name, column: str, at: State) -> str:
    table = at.resolved(table)
    views = at.known(table).viewed.get((table, column), frozenset()) - at.dropped
    return ", ".join(sorted(map(str, views)))
