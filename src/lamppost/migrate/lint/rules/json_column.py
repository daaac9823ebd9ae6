"""A column of type json."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddColumn, AlterTable, CreateTable, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "json-column"
SEVERITY: Severity = "advise"
WHEN = "a column has the type json"
HARM = "it has no equality: distinct, union and group by fail on it"
INSTEAD = "use jsonb"

ON = (AddColumn, CreateTable)


def check(what: AlterTable | CreateTable, at: State) -> Iterator[Found]:
    """Sometimes the text itself must be kept; then allow it with that reason."""
    tree = at.statement.tree
    if tree is not None and not tree.text.says("json"):
        return
    if isinstance(what, CreateTable):
        columns = what.columns
    else:
        columns = tuple(action.column for action in what.actions if isinstance(action, AddColumn))
    for column in columns:
        if column.type == "json":
            yield Found(f"{column.name} is json, which has no equality")
