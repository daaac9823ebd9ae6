"""A right taken from running code."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Grant, Severity
from lamppost.migrate.lint.state import State

NAME = "rights-revoked"
SEVERITY: Severity = "block"
WHEN = "a privilege is revoked from a role outside the contract phase"
HARM = "queries of code that still runs are refused"
INSTEAD = (
    "deploy the code that does without, and revoke in a file that begins with -- lamppost: phase contract"
)

ON = (Grant,)


def check(what: Grant, at: State) -> Iterator[Found]:
    """Taking from `public` what it never should have had is welcome."""
    if what.gives or at.contracting or set(what.roles) <= {"public"} or what.default:
        return
    if not all(at.is_new(name) for name in what.names):
        yield Found(
            f"{', '.join(what.roles)} can no longer {', '.join(what.privileges) or 'do anything'} there"
        )
