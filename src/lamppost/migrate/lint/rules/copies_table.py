"""A whole table copied in the deploy."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateFrom, Found, Insert, Severity
from lamppost.migrate.lint.state import State

NAME = "copies-table"
SEVERITY: Severity = "block"
WHEN = "insert … select or create table as copies a whole table; advice where it only counts or sums up"
HARM = "the deploy takes as long as the copy does"
INSTEAD = "copy in a job, in batches by key"

ON = (Insert, CreateFrom)


def check(what: Insert | CreateFrom, at: State) -> Iterator[Found]:
    """Nobody waits for the copy by itself; the deploy does, and everything it holds is held as long."""
    if what.reach != "all" or all(at.is_new(table) or at.small(table) for table in what.copies):
        return
    names = ", ".join(map(str, what.copies))
    if isinstance(what, CreateFrom) and what.kind == "materialized view":
        yield Found(
            f"{what.table} is filled with all that its query reads of {names}",
            "advise",
            "create it with no data, and refresh it in a job",
        )
    elif what.folds or at.is_job:
        yield Found(f"all of {names} is read to fill {what.table}", "advise")
    else:
        yield Found(f"all of {names} is copied into {what.table}")
