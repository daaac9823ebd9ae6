"""A handler refuses with nothing but what its route states, or callers learn of it too late."""

from typing import TYPE_CHECKING

from lamppost.declare import names
from lamppost.derive.refusals import allowed
from lamppost.errors import AuthorError, CallerError
from lamppost.settings import stage

if TYPE_CHECKING:
    from lamppost.derive.manifest import RouteEntry
    from lamppost.runtime.context import LiveContext


def check(refusal: CallerError, route: "RouteEntry", context: "LiveContext") -> None:
    """Raise `AuthorError` for a refusal that `route` does not state.

    On one machine and in tests it is a 500, so that it is mended before callers depend on it; elsewhere
    the refusal goes out, and the log has a line.
    """
    given = f"{refusal.status} {refusal.code}"
    if given in allowed(context.service, route):
        return
    if stage.stage() == names.LOCAL:
        raise AuthorError(
            f"route {route.key!r} refuses with {given!r}, which it does not state: add it to its refuses=",
            fix=f'refuses=("{given}",)',
            code="refusal_unstated",
        ) from refusal
    context.log.error("refusal.unstated", route=route.key, refusal=given)
