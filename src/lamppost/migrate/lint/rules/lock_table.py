"""A table locked by hand."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Lock, Severity
from lamppost.migrate.lint.state import State

NAME = "lock-table"
SEVERITY: Severity = "block"
WHEN = "lock table with a mode that makes writers or readers wait"
HARM = "they wait until the transaction ends"
INSTEAD = "do without: each statement takes the lock it needs"

ON = (Lock,)


def check(what: Lock, at: State) -> Iterator[Found]:
    """Modes 1 to 4 let writes go on."""
    for table in what.tables:
        if not at.is_new(table):
            severity: Severity = "block" if what.mode >= 5 else "advise"
            yield Found(f"others wait for {table} until the transaction ends", severity)
