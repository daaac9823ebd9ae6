"""A change of every row in one transaction."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Change, Found, Loop, Severity
from lamppost.migrate.lint.state import State

NAME = "change-reaches-all-rows"
SEVERITY: Severity = "block"
WHEN = "an update, delete or merge reaches every row: no condition, or one that is always true"
HARM = "every row is locked until the deploy ends, writers wait, and the table doubles on disk"
INSTEAD = "change rows in batches by key, in a job outside the deploy"

ON = (Change, Loop)


def check(what: Change | Loop, at: State) -> Iterator[Found]:
    """A loop around it is still one transaction, unless the block commits, which a migration's cannot."""
    change = what.change if isinstance(what, Loop) else what
    if at.is_new(change.table):
        return
    if change.reach == "all":
        yield Found(f"{change.verb} reaches every row of {change.table}: {change.why}")
    elif change.only_null and _never_filled(change, at):
        yield Found(f"{change.only_null} is null in every row of {change.table}, and nothing filled it yet")
    elif isinstance(what, Loop) and what.over != "numbers" and at.header.in_transaction:
        yield Found(f"{change.verb} of {change.table} is repeated in one transaction, over {what.over}")


def _never_filled(change: Change, at: State) -> bool:
    """Whether an earlier file added the column without a value, and none changed the table since."""
    table = at.resolved(change.table)
    return (table, change.only_null) in at.known(table).unfilled
