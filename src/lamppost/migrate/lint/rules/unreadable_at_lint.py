"""SQL that exists only when it runs."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Dynamic, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "unreadable-at-lint"
SEVERITY: Severity = "block"
WHEN = "a block executes SQL that is put together from what only the running block knows"
HARM = "nobody, neither we nor a reviewer, can say what it will do"
INSTEAD = "write the statements out, or build them with format() around a statement that can be read"

ON = (Dynamic,)


def check(what: Dynamic, at: State) -> Iterator[Found]:
    """A function that is only made, and not called here, harms nobody yet."""
    if at.inside != "function":
        yield Found(f"what is executed cannot be read beforehand: {what.expression[:80]}")
