"""A check that reads the whole table."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddColumn, AddConstraint, AlterTable, Found, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Constrained

NAME = "check-scans"
SEVERITY: Severity = "block"
WHEN = "a check or a not null constraint is added to a table in use without not valid"
HARM = "nobody reads or writes the table while every row is checked"
INSTEAD = "add it not valid, and validate it in a later file"

ON = (AddConstraint, Constrained)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """A check written at a new column is checked in the same way."""
    if at.is_new(what.table) or what.kind not in {"table", "foreign table"}:
        return
    for action in what.actions:
        match action:
            case AddConstraint(constraint) if (
                constraint.kind in {"check", "not null"} and not constraint.not_valid
            ):
                if constraint.kind == "not null" and at.proves_not_null(what.table, constraint.columns[0]):
                    continue
                yield Found(
                    f"nobody reads or writes {what.table} while every row is checked",
                    "advise" if at.small(what.table) else None,
                )
            case AddColumn(column) if any(
                constraint.kind == "check" and not constraint.not_valid for constraint in column.constraints
            ):
                yield Found(
                    f"nobody reads or writes {what.table} while every row is checked",
                    "advise" if at.small(what.table) else None,
                    instead=f"add {column.name}, then its check not valid, and validate that in a later file",
                )
