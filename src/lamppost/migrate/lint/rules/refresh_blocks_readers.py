"""A materialized view computed while nobody may read it."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Refresh, Severity
from lamppost.migrate.lint.state import State

NAME = "refresh-blocks-readers"
SEVERITY: Severity = "block"
WHEN = "a materialized view in use is refreshed, not concurrently"
HARM = "every reader waits until the query behind it ends"
INSTEAD = "refresh materialized view concurrently (it needs a unique index)"

ON = (Refresh,)


def check(what: Refresh, at: State) -> Iterator[Found]:
    """`with no data` leaves it unreadable."""
    if at.is_new(what.view):
        return
    view = at.resolved(what.view)
    if what.concurrently and at.known(view).matviews.get(view) is False and at.knows_all:
        yield Found(
            f"{view} has no unique index: the server refuses to refresh it concurrently",
            instead="create unique index concurrently on it first",
        )
    if what.empty:
        yield Found(f"{what.view} cannot be read until it is refreshed again", instead="refresh it with data")
    elif not what.concurrently:
        yield Found(f"readers of {what.view} wait until its query ends")
