"""Numbers given out a second time."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Restart, Severity
from lamppost.migrate.lint.state import State

NAME = "sequence-restarted"
SEVERITY: Severity = "block"
WHEN = "a sequence in use is restarted"
HARM = "it gives out numbers that rows have already, and the inserts of running code fail"
INSTEAD = "leave it; to jump ahead, setval() it to the largest number in use"

ON = (Restart,)


def check(what: Restart, at: State) -> Iterator[Found]:
    """Not for a sequence this file made."""
    if not at.is_new(what.sequence):
        yield Found(f"{what.sequence} gives out numbers again that it has given out before")
