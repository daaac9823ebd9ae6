"""Something the server does not understand yet."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, NewerServer, Severity
from lamppost.migrate.lint.state import State

NAME = "newer-server"
SEVERITY: Severity = "block"
WHEN = "the file uses what the server's version (--pg) has not"
HARM = "the server refuses it, and the deploy stops there"
INSTEAD = "upgrade the server first, or write it the older way"

ON = (NewerServer,)


def check(what: NewerServer, at: State) -> Iterator[Found]:
    """The parser knows more than an old server does."""
    if at.pg < what.since:
        yield Found(f"{what.what} needs PostgreSQL {what.since}; the server is {at.pg}")
