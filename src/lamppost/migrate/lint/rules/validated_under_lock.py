"""A constraint validated by the transaction that added it."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Found, Severity, ValidateConstraint
from lamppost.migrate.lint.state import State

NAME = "validated-under-lock"
SEVERITY: Severity = "block"
WHEN = "validate constraint runs in a transaction that already holds the table"
HARM = "every row is read while others wait for the lock of the earlier statement"
INSTEAD = "validate in a file of its own: there it lets reads and writes go on"

ON = (ValidateConstraint,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """Whether the constraint is the one just added or another: the lock is what counts."""
    if at.is_new(what.table) or not at.in_transaction:
        return
    since = at.held.get(at.resolved(what.table))
    alone = all(isinstance(action, ValidateConstraint) for action in what.actions)
    for action in what.actions:
        if isinstance(action, ValidateConstraint) and (since is not None or not alone):
            yield Found(f"every row of {what.table} is read under the lock taken in line {since or at.line}")
