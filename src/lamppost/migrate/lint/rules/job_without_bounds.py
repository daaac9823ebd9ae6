"""A job whose stretches are none, or a stretch outside a job."""

from collections.abc import Iterator

from lamppost.migrate.header import Walk
from lamppost.migrate.lint.model import Change, Found, Insert, Kind, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.stretches import bounded, parameters
from lamppost.migrate.lint.topics import Numbered

NAME = "job-without-bounds"
SEVERITY: Severity = "block"
WHEN = (
    "a job that walks a table is not one statement that changes rows, with $1 and $2 as bounds of its "
    "column; or a file that walks none has parameters"
)
HARM = "each stretch would change every row again, or rows would be left out, or the server refuses it"
INSTEAD = "write one update, delete or insert … select: where COLUMN between $1 and $2"

ON = (Numbered,)


def check(what: Kind, at: State) -> Iterator[Found]:
    """The first key of a stretch is $1 and the last is $2; both belong to it."""
    node = at.statement.node
    if node is None or at.inside != "file" or not at.statement.first:
        return
    walk = at.header.job.walk if at.header.job else None
    if walk is None:
        if isinstance(what, Change | Insert) and parameters(node):
            yield Found(
                "nobody gives $1 a value here",
                instead="write the value, or make the file a job: -- lamppost: job SCHEMA.TABLE by COLUMN",
            )
        return
    yield from _walked(what, walk, at)


def _walked(what: Kind, walk: Walk, at: State) -> Iterator[Found]:
    node = at.statement.node or {}
    table = f"{walk.schema}.{walk.table}"
    if any(one.first and one.line < at.line for one in at.statements):
        yield Found(
            "a job that walks a table holds one statement; this is another", instead="make it two jobs"
        )
    elif not isinstance(what, Change | Insert):
        yield Found(f"a job that walks {table} changes rows, and this does not")
    elif parameters(node) - {1, 2}:
        yield Found("the runner gives $1 and $2, and no other parameter")
    elif not bounded(node, walk):
        yield Found(f"{table}.{walk.column} is not bounded by $1 and $2 on both sides, both included")
