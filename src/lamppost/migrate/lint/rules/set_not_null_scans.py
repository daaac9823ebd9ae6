"""A column declared never null while the table is in use."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Found, OtherAction, SetNotNull, Severity
from lamppost.migrate.lint.state import State

NAME = "set-not-null-scans"
SEVERITY: Severity = "block"
WHEN = "set not null without a validated check that proves it"
HARM = "nobody reads or writes the table while every row is checked"
INSTEAD = (
    "add check (column is not null) not valid; validate it in a later file; then set not null"
    " finds the proof and does not look"
)

ON = (SetNotNull,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """Since PostgreSQL 12 a valid `check (c is not null)` spares the scan, also one of an earlier file."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if not isinstance(action, SetNotNull) or _proven(what, action.column, at):
            continue
        yield Found(
            f"nobody reads or writes {what.table} while {action.column} is checked in every row",
            "advise" if at.small(what.table) else None,
        )


def _proven(what: AlterTable, column: str, at: State) -> bool:
    dropped = {
        action.name
        for action in what.actions
        if isinstance(action, OtherAction) and action.kind == "AT_DropConstraint"
    }
    table = at.resolved(what.table)
    already = (table, column) in at.known(table).not_null and (table, column) not in at.loosened
    return already or (at.pg >= 12 and at.proves_not_null(table, column, dropped))
