"""An index built on a table that is in use."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateIndex, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "index-blocks-writes"
SEVERITY: Severity = "block"
WHEN = "an index is built, not concurrently, on a table this file did not make"
HARM = "every insert, update and delete on the table waits until the build ends"
INSTEAD = "create index concurrently, alone in a file that begins with -- lamppost: no-transaction"

ON = (CreateIndex,)


def check(what: CreateIndex, at: State) -> Iterator[Found]:
    """On the parent of partitions alone nothing is built."""
    if not what.concurrently and not what.only and not at.is_new(what.table):
        yield Found(
            f"writes to {what.table} wait until the index is built",
            "advise" if at.small(what.table) else None,
        )
