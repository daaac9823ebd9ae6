"""A name changed under running code."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Move, Rename, Severity
from lamppost.migrate.lint.state import State

NAME = "rename"
SEVERITY: Severity = "block"
WHEN = "a table, column, type, function or label in use is renamed or moved to another schema"
HARM = "code that still runs asks for the old name, and fails"
INSTEAD = "add the new one beside it, move the code over, and drop the old one in the contract phase"

ON = (Rename, Move)

_UNSEEN = {"index", "constraint", "trigger", "policy", "rule", "domconstraint", "statistics"}


def check(what: Rename | Move, at: State) -> Iterator[Found]:
    """Indexes, constraints and triggers are named by nobody but migrations."""
    if isinstance(what, Move):
        if not at.is_new(what.name):
            yield Found(f"running code still asks for {what.name}, which moves to {what.schema}")
    elif what.kind in _UNSEEN:
        if not at.is_new(what.of):
            yield Found(f"whoever matches the name {what.part or what.of} in an error will miss it", "advise")
    elif not at.is_new(what.of):
        yield Found(f"running code still asks for the {what.kind} {what.part or what.of}")
