"""What belongs to the whole server, not to a service."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, ServerWide, Severity
from lamppost.migrate.lint.state import State

NAME = "server-wide"
SEVERITY: Severity = "block"
WHEN = "roles, extensions, databases or server settings are made or changed"
HARM = "other services on the server are changed with it, and the migrator's role should not be able to"
INSTEAD = "leave it to the operator, who provisions the server"

ON = (ServerWide,)


def check(what: ServerWide, at: State) -> Iterator[Found]:
    """Whatever the name: it is no table of the service."""
    yield Found(f"{what.what}: every service on the server is affected")
