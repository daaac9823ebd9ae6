"""A table emptied."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Severity, Truncate
from lamppost.migrate.lint.state import State

NAME = "truncate"
SEVERITY: Severity = "block"
WHEN = "a table in use is truncated"
HARM = "everybody waits, and then everything is gone"
INSTEAD = "delete what must go in a job, in batches; or make a new table"

ON = (Truncate,)


def check(what: Truncate, at: State) -> Iterator[Found]:
    """`cascade` empties the tables that refer to it as well."""
    for table in what.tables:
        if not at.is_new(table) or what.cascade:
            also = ", and of every table that refers to it" if what.cascade else ""
            yield Found(f"all rows of {table}{also} are gone")
