"""A whole table copied in the deploy."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateFrom, Found, Insert, Severity
from lamppost.migrate.lint.state import State

NAME = "copies-table"
SEVERITY: Severity = "advise"
WHEN = "insert … select, create table as or a materialized view reads a whole table"
HARM = "the deploy takes as long as the copy does"
INSTEAD = "copy in a job, in batches by key"

ON = (Insert, CreateFrom)


def check(what: Insert | CreateFrom, at: State) -> Iterator[Found]:
    """Nobody waits for it by itself."""
    if isinstance(what, CreateFrom):
        if what.reach == "all":
            yield Found(f"{what.table} is filled with all that its query reads")
    elif what.reach == "all" and any(not at.is_new(table) for table in what.copies):
        yield Found(f"all of {', '.join(map(str, what.copies))} is copied into {what.table}")
