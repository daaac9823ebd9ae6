"""A foreign key checked against every row at once."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddColumn, AddConstraint, AlterTable, Found, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Constrained

NAME = "foreign-key-scans"
SEVERITY: Severity = "block"
WHEN = "a foreign key is added to a table in use without not valid"
HARM = "writes to both tables wait while every row is checked"
INSTEAD = "add it not valid, and validate it in a later file"

ON = (AddConstraint, Constrained)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """A new column without a default has nothing to check; one with `default null` is looked through."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        match action:
            case AddConstraint(constraint) if constraint.kind == "foreign key" and not constraint.not_valid:
                yield Found(
                    f"writes to {what.table} and {constraint.references} wait while every row is checked",
                    "advise" if at.small(what.table) else None,
                )
            case AddColumn(column) if column.default is not None or column.null_default:
                for constraint in column.constraints:
                    if constraint.kind == "foreign key":
                        yield Found(f"the default makes every row be checked against {constraint.references}")
