"""An index over many columns."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateIndex, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "wide-index"
SEVERITY: Severity = "advise"
WHEN = "an index that is not unique has more than three columns"
HARM = "it is large, slow to keep, and seldom used to its end"
INSTEAD = "index the two or three columns that choose the rows"

ON = (CreateIndex,)


def check(what: CreateIndex, at: State) -> Iterator[Found]:
    """A unique index has the columns it has for a reason."""
    if not what.unique and what.columns > 3:
        yield Found(f"the index on {what.table} has {what.columns} columns")
