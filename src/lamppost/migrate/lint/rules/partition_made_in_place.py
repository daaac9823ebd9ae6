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
    """Short without a default partition; with one, its rows are read under the lock."""
    if what.partition_of is None or at.is_new(what.partition_of):
        return
    parent = at.resolved(what.partition_of)
    if parent in at.known(parent).defaulted and not what.default:
        yield Found(f"everybody waits for {parent} while the rows of its default partition are read", "block")
    else:
        yield Found(f"everybody waits for {parent} while {what.table} is made")
