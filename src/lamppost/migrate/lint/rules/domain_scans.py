"""A domain made stricter."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterDomain, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "domain-scans"
SEVERITY: Severity = "block"
WHEN = "a constraint is added to a domain without not valid, or validated"
HARM = "writes to every table that uses the domain wait while all its rows are checked"
INSTEAD = "add it not valid, which holds for all new rows, and leave it so; or check a column of the table"

ON = (AlterDomain,)


def check(what: AlterDomain, at: State) -> Iterator[Found]:
    """Not for a domain this file made. Validating takes the same SHARE lock, measured up to 18."""
    if what.scans and not at.is_new(what.domain):
        yield Found(f"writes to every table that uses {what.domain} wait while all rows are checked")
