"""An index dropped under the queries that use it."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Drop, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "drop-index-blocks"
SEVERITY: Severity = "block"
WHEN = "an index is dropped, not concurrently, that this file did not make"
HARM = "every query of the table waits for the lock, and then runs without the index"
INSTEAD = "drop index concurrently, in a file that begins with -- lamppost: no-transaction"

ON = (Drop,)


def check(what: Drop, at: State) -> Iterator[Found]:
    """Indexes made in the file are in nobody's way."""
    if what.kind == "index" and what.concurrently and (what.cascade or len(what.names) > 1):
        yield Found(
            "drop index concurrently takes one index, and no cascade: the server refuses it",
            instead="drop each index by a statement of its own",
        )
    if what.kind == "index" and not what.concurrently:
        for name in what.names:
            if not at.is_new(name):
                yield Found(f"every query of the table waits while {name} is dropped")
