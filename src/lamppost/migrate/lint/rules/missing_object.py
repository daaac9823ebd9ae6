"""A table or a column that is not there."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import (
    AlterTable,
    Change,
    ChangeType,
    CreateIndex,
    DropColumn,
    Found,
    Insert,
    SetDefault,
    SetNotNull,
    Severity,
)
from lamppost.migrate.lint.state import State

NAME = "missing-object"
SEVERITY: Severity = "block"
WHEN = "a table or column is altered that the catalog does not have"
HARM = "the server refuses it, and the deploy stops there"
INSTEAD = "correct the name, or bring in the file that makes it first"
NEEDS = "catalog"

ON = (AlterTable, Change, Insert, CreateIndex)


def check(what: AlterTable | Change | Insert | CreateIndex, at: State) -> Iterator[Found]:
    """Only with `--catalog`, which knows all there is."""
    if not at.knows_all:
        return
    table = at.resolved(what.table)
    facts = at.known(table)
    if table.schema is None or at.is_new(table) or at.inside != "file":
        return
    if isinstance(what, AlterTable) and what.kind not in {"table", "view", "materialized view"}:
        return
    if table not in facts.tables:
        yield Found(f"there is no table {table}")
    elif isinstance(what, AlterTable):
        for action in what.actions:
            if isinstance(action, ChangeType | SetNotNull | SetDefault | DropColumn):
                place = (table, action.column)
                if what.kind == "table" and place not in facts.types and place not in at.new_columns:
                    yield Found(f"{table} has no column {action.column}")
