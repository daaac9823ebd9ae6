"""A transaction within the runner's."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Severity, Transaction
from lamppost.migrate.lint.state import State

NAME = "transaction-control"
SEVERITY: Severity = "block"
WHEN = "begin, commit, rollback or the like stand in a migration"
HARM = "the first half stays when the second fails, and the ledger no longer says what ran"
INSTEAD = "leave transactions to the runner: one per file, or none with -- lamppost: no-transaction"

ON = (Transaction,)

_WITHIN = {"savepoint", "release", "rollback to"}


def check(what: Transaction, at: State) -> Iterator[Found]:
    """Savepoints stay within; in functions commit fails only when it is reached."""
    if what.kind in _WITHIN:
        yield Found(f"{what.kind}: part of the file may silently not happen", "advise")
    elif at.inside != "function":
        yield Found(f"{what.kind} ends or opens a transaction behind the runner's back")
