"""A partition detached while all wait."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Detach, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "detach-partition-blocks"
SEVERITY: Severity = "block"
WHEN = "a partition is detached, not concurrently"
HARM = "nobody reads or writes the parent or any of its partitions meanwhile"
INSTEAD = (
    "detach partition … concurrently (PostgreSQL 14), in a file that begins with -- lamppost: no-transaction"
)

ON = (Detach,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """Not for a parent this file made."""
    for action in what.actions:
        if isinstance(action, Detach) and not action.concurrently and not at.is_new(what.table):
            yield Found(f"everybody waits for {what.table} while {action.partition} is detached")
