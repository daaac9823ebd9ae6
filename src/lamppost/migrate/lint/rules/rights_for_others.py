"""A right given beyond the service."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Grant, Severity
from lamppost.migrate.lint.state import State

NAME = "rights-for-others"
SEVERITY: Severity = "block"
WHEN = "a privilege is granted to everybody, or to the role of another service"
HARM = "whoever gets into any service gets at this one's rows, and the services grow together"
INSTEAD = "grant to the service's own application role; let others ask over a route or a queue"

ON = (Grant,)

_HARMLESS = {"usage", "execute"}


def check(what: Grant, at: State) -> Iterator[Found]:
    """A role called `x_app` belongs to the service x."""
    for maker in what.makers:
        owner, _, suffix = maker.rpartition("_")
        if at.service and not (owner == at.service and suffix in {"app", "migrator"}):
            yield Found(
                f"what {maker} makes from now on would change with it",
                instead="leave out `for role`: it is about what the migrator makes",
            )
    if not what.gives:
        return
    for role in what.roles:
        owner, _, suffix = role.rpartition("_")
        if role == "public" and not set(what.privileges) <= _HARMLESS - {""}:
            yield Found("everybody who can log in gets the right")
        elif role == "public" and not what.privileges:
            yield Found("everybody who can log in gets every right")
        elif at.service and owner and suffix in {"app", "migrator"} and owner != at.service:
            yield Found(f"{role} is a role of {owner}")
