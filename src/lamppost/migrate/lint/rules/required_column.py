"""A column that old rows and old code cannot fill."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddColumn, AlterTable, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "required-column"
SEVERITY: Severity = "block"
WHEN = "a not null column without a default is added to a table in use"
HARM = "it fails when the table has rows, and the inserts of running code fail afterwards"
INSTEAD = "give it a default, or add it nullable and tighten it when the code fills it"

ON = (AddColumn,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """Sequences, identities and expressions are defaults of their own."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if not isinstance(action, AddColumn):
            continue
        column = action.column
        filled = column.default is not None or column.identity or column.generated or column.serial
        if column.not_null and not filled:
            yield Found(
                f"old rows of {what.table} and the inserts of running code have no value for {column.name}"
            )
