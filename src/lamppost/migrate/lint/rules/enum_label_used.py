"""A new enum label used before it is committed."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddLabel, Found, Kind, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Labelled
from lamppost.migrate.lint.tree import nodes

NAME = "enum-label-used"
SEVERITY: Severity = "block"
WHEN = "a label is added to an enum and used in the same transaction"
HARM = "the server refuses it: unsafe use of new value"
INSTEAD = "use the label in a later file"

ON = (AddLabel, Labelled)


def check(what: Kind, at: State) -> Iterator[Found]:
    """Before PostgreSQL 12 none could be added in a transaction. Labels of types made here are free."""
    if isinstance(what, AddLabel):
        if at.pg < 12 and at.in_transaction and not at.is_new(what.type):
            yield Found(
                "before PostgreSQL 12 a label cannot be added in a transaction",
                instead="begin the file with -- lamppost: no-transaction",
            )
        return
    node = at.statement.node
    if not at.labels or not at.in_transaction or node is None:
        return
    for key, value in nodes(node):
        if key == "sval" and isinstance(value, str) and value in at.labels:
            yield Found(f"the label '{value}' is used before the transaction that adds it ends")
            return
