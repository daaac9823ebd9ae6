"""Every row locked by a query."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Read, Severity
from lamppost.migrate.lint.state import State

NAME = "locks-rows"
SEVERITY: Severity = "block"
WHEN = "select … for update or for share without a condition"
HARM = "whoever writes any of the rows waits until the transaction ends"
INSTEAD = "lock the rows you need, by key"

ON = (Read,)


def check(what: Read, at: State) -> Iterator[Found]:
    """Tables made in this file have no other users."""
    if what.locks and what.reach == "all" and not all(at.is_new(table) for table in what.tables):
        yield Found(f"every row of {', '.join(map(str, what.tables))} is locked")
