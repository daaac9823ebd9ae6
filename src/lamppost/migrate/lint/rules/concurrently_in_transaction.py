"""A statement that PostgreSQL refuses inside a transaction."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import (
    AlterTable,
    CreateIndex,
    Detach,
    Drop,
    Found,
    Reindex,
    Severity,
    Vacuum,
)
from lamppost.migrate.lint.state import State

NAME = "concurrently-in-transaction"
SEVERITY: Severity = "block"
WHEN = "a statement stands in a transaction that can only run outside of one"
HARM = "the server refuses it, and the deploy stops there"
INSTEAD = "begin the file with -- lamppost: no-transaction, and let it hold little else"

ON = (CreateIndex, Drop, Reindex, Detach, Vacuum)


def check(what: CreateIndex | Drop | Reindex | AlterTable | Vacuum, at: State) -> Iterator[Found]:
    """Also inside `do` and functions, which always run in a transaction."""
    if at.in_transaction and (said := _alone(what)):
        yield Found(f"{said} cannot run inside a transaction")


def _alone(what: CreateIndex | Drop | Reindex | AlterTable | Vacuum) -> str:
    match what:
        case CreateIndex(concurrently=True):
            return "create index concurrently"
        case Drop(concurrently=True):
            return "drop index concurrently"
        case Reindex(concurrently=True):
            return "reindex concurrently"
        case Reindex(kind="database" | "system" | "schema"):
            return f"reindex {what.kind}"
        case AlterTable(actions=actions) if any(isinstance(a, Detach) and a.concurrently for a in actions):
            return "detach partition concurrently"
        case Vacuum():
            return "vacuum"
    return ""
