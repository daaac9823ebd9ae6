"""A defect of PostgreSQL 14.0 to 14.3."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateIndex, Found, Reindex, Severity
from lamppost.migrate.lint.state import State

NAME = "concurrent-index-corrupts"
SEVERITY: Severity = "block"
WHEN = "an index is built concurrently on PostgreSQL 14.0 to 14.3"
HARM = "rows can be missing from the index, silently"
INSTEAD = "update the server to 14.4 or later first"

ON = (CreateIndex, Reindex)


def check(what: CreateIndex | Reindex, at: State) -> Iterator[Found]:
    """Release notes of 14.4; needs the minor version (`--pg 14.2`)."""
    if what.concurrently and at.pg == 14 and at.pg_minor is not None and at.pg_minor < 4:
        yield Found(f"PostgreSQL 14.{at.pg_minor} can leave rows out of an index built concurrently")
