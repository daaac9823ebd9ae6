"""A partition that is read whole when it is attached."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Attach, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "attach-partition-scans"
SEVERITY: Severity = "block"
WHEN = "a table in use is attached as a partition"
HARM = "nobody reads or writes it while its rows are checked against the bounds"
INSTEAD = (
    "add a check with the very bounds (column >= from and column < to) not valid, validate it in a later "
    "file, and attach in one after that"
)

ON = (Attach,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """No rows in a table made here; and a valid check that implies the bounds spares the scan."""
    for action in what.actions:
        if not isinstance(action, Attach) or what.kind != "table":
            continue
        parent = at.resolved(what.table)
        if parent in at.known(parent).defaulted and not action.bound.get("is_default"):
            yield Found(
                f"nobody reads or writes the default partition of {parent} while its rows are looked through",
                instead="add a valid check to the default partition that keeps the new bounds out",
            )
        if at.is_new(action.partition) or at.within(action.partition, action.bound):
            continue
        yield Found(
            f"nobody reads or writes {action.partition} while its rows are checked against the bounds",
            "advise" if at.small(action.partition) else None,
        )
