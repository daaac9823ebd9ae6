"""An index built again while its table is in use."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Reindex, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.tree import named

NAME = "reindex-blocks"
SEVERITY: Severity = "block"
WHEN = "reindex runs without concurrently"
HARM = "writes to the table wait, and so do queries that want the index"
INSTEAD = "reindex … concurrently, in a file that begins with -- lamppost: no-transaction"

ON = (Reindex,)


def check(what: Reindex, at: State) -> Iterator[Found]:
    """`(concurrently false)` is without, too."""
    if not what.concurrently and not at.is_new(named(tuple(what.name.split(".")))):
        yield Found(f"writes to the table wait until {what.kind} {what.name} is built again")
