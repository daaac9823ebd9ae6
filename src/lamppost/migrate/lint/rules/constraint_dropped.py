"""A promise the database no longer keeps."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Found, OtherAction, Severity
from lamppost.migrate.lint.state import State

NAME = "constraint-dropped"
SEVERITY: Severity = "advise"
WHEN = "a constraint or a not null is dropped"
HARM = "code that relied on it may meet what it thought impossible"
INSTEAD = "see that no running code relies on it"

ON = (OtherAction,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """The lock is short; the meaning is what matters."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if isinstance(action, OtherAction) and action.kind in {"AT_DropConstraint", "AT_DropNotNull"}:
            if action.cascade:
                swept = f"cascade drops every foreign key that relies on {action.name}, unnamed"
                yield Found(swept, "block", "drop what relies on it by name first")
            else:
                yield Found(f"{what.table} no longer guarantees {action.name}")
