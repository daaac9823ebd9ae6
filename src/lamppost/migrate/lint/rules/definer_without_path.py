"""A function with its owner's rights and the caller's search path."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import CreateFunction, Found, Severity
from lamppost.migrate.lint.state import State

NAME = "definer-without-path"
SEVERITY: Severity = "block"
WHEN = "a security definer function does not set search_path"
HARM = "a caller can put a table of its own before the one that is meant"
INSTEAD = "add: set search_path = the service's schema, pg_temp"

ON = (CreateFunction,)


def check(what: CreateFunction, at: State) -> Iterator[Found]:
    """The manual's own advice, "Writing SECURITY DEFINER Functions Safely"."""
    if what.definer and not what.path_set:
        yield Found(f"{what.name} runs with its owner's rights and looks names up as its caller says")
