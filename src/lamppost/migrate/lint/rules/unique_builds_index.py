"""A unique or primary key, or an exclusion, that builds its index under a lock."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import (
    AddColumn,
    AddConstraint,
    AlterTable,
    Constraint,
    Found,
    Name,
    Severity,
)
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Constrained

NAME = "unique-builds-index"
SEVERITY: Severity = "block"
WHEN = "a unique, primary key or exclude constraint is added to a table in use without an index made before"
HARM = "nobody reads or writes the table until the index is built"
INSTEAD = "create unique index concurrently first, then add the constraint using index"

ON = (AddConstraint, Constrained)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """For `exclude` there is no safe way on a table that is in use."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        match action:
            case AddConstraint(constraint):
                yield from _judged(constraint, what.table, at)
            case AddColumn(column):
                for constraint in column.constraints:
                    yield from _judged(constraint, what.table, at)


def _judged(constraint: Constraint, table: Name, at: State) -> Iterator[Found]:
    if constraint.kind not in {"unique", "primary key", "exclude"}:
        return
    if constraint.using_index is None:
        other = (
            "make a new table with the constraint, and move to it" if constraint.kind == "exclude" else None
        )
        small = constraint.kind != "exclude" and at.small(table)
        yield Found(
            f"nobody reads or writes {table} until the index is built",
            "advise" if small else None,
            instead=other,
        )
    elif constraint.kind == "primary key":
        facts = at.known(at.resolved(table))
        index = Name(at.resolved(table).schema, constraint.using_index)
        open_columns = [c for c in facts.indexes.get(index, ()) if not at.proves_not_null(table, c)]
        if open_columns:
            yield Found(
                f"nobody reads or writes {table} while {', '.join(open_columns)} is checked for nulls",
                instead="prove it first: a check not valid, validated in a later file; then set not null",
            )
