"""A trigger that every write will run from now on."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Severity, Trigger
from lamppost.migrate.lint.state import State

NAME = "trigger-on-busy-table"
SEVERITY: Severity = "advise"
WHEN = "a trigger or a rule is put on a table in use"
HARM = "writers wait a moment for the lock; then every write of code that knows nothing of it runs it"
INSTEAD = "see that running code can live with it"

ON = (Trigger,)


def check(what: Trigger, at: State) -> Iterator[Found]:
    """Not on a table this file made."""
    if at.is_new(what.table):
        return
    if what.replaces:
        yield Found(
            f"writes of running code to {what.table} do something else from now on: {what.name}",
            "block",
            "let the code do it, or use a trigger that lets the write happen",
        )
    else:
        yield Found(f"every write to {what.table} runs the {what.kind} {what.name} from now on")
