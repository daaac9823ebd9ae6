"""Files, programs and the client."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Outside, Severity
from lamppost.migrate.lint.state import State

NAME = "outside-the-database"
SEVERITY: Severity = "block"
WHEN = "copy reads or writes a file, a program or the client"
HARM = "the server's files are no part of a migration, and the client sends no rows"
INSTEAD = "write the rows as insert; load large data in a job"

ON = (Outside,)


def check(what: Outside, at: State) -> Iterator[Found]:
    """`copy … to stdout` has nobody to read it."""
    yield Found(f"copy {what.what}")
