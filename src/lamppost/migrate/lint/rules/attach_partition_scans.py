"""A partition that is read whole when it is attached."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Attach, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "attach-partition-scans"
SEVERITY: Severity = "block"
WHEN = "a table in use is attached as a partition"
HARM = "nobody reads or writes it while its rows are checked against the bounds"
INSTEAD = (
    "add a check with the partition's bounds not valid, validate it in a later file, then "
    "attach, with that as the reason to allow it"
)

ON = (AlterTable,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """A table made in this file has no rows to check."""
    for action in what.actions:
        if isinstance(action, Attach) and what.kind == "table" and not at.is_new(action.partition):
            if at.bounded(action.partition):
                yield Found(
                    f"a check of {action.partition} should spare the scan: see that it implies the bounds",
                    "advise",
                )
            else:
                yield Found(
                    f"nobody reads or writes {action.partition} while its rows are checked against the bounds"
                )
