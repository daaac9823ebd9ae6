"""A partition made under its parent's lock."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateTable, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "partition-made-in-place"
SEVERITY: Severity = "advise"
WHEN = "create table … partition of a table in use"
HARM = "everybody waits for the parent for a moment, longer with a default partition, whose rows are read"
INSTEAD = "create the table alone, and attach it: that lets reads and writes go on"

ON = (CreateTable,)


def check(what: CreateTable, at: State) -> Iterator[Found]:
    """Short, as a rule; the lock timeout bounds the wait."""
    if what.partition_of is not None and not at.is_new(what.partition_of):
        yield Found(f"everybody waits for {what.partition_of} while {what.table} is made")
