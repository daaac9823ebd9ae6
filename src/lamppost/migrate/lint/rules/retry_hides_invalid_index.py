"""An index that may exist by name only."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateIndex, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "retry-hides-invalid-index"
SEVERITY: Severity = "block"
WHEN = "create index concurrently says if not exists"
HARM = (
    "a build that failed leaves an invalid index of that name; the next run finds the name "
    "and reports success"
)
INSTEAD = "leave out `if not exists`: a failed build is then named, dropped and built again"

ON = (CreateIndex,)


def check(what: CreateIndex, at: State) -> Iterator[Found]:
    """Inside a transaction nothing invalid can be left behind."""
    if what.concurrently and what.if_not_exists:
        yield Found(f"a failed build leaves an invalid {what.index}, and a second run takes it for the index")
