"""A column removed from under running code."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, DropColumn, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "drop-column"
SEVERITY: Severity = "block"
WHEN = "a column or a composite type's attribute is dropped outside the contract phase"
HARM = "code that still runs selects and inserts it, and fails"
INSTEAD = "stop using it, deploy, and drop it in a file that begins with -- lamppost: phase contract"

ON = (AlterTable,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """In the contract phase it is expected; `cascade` takes unnamed things along in any phase."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if isinstance(action, DropColumn):
            if action.cascade:
                yield Found(
                    f"cascade drops everything that uses {what.table}.{action.column}, unnamed",
                    instead="drop what uses it by name first",
                )
            elif not at.contracting:
                yield Found(f"running code still uses {what.table}.{action.column}")
