"""Something removed from under running code."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Drop, Found, Name, Severity
from lamppost.migrate.lint.state import State

NAME = "drop-object"
SEVERITY: Severity = "block"
WHEN = "a table, view, function, type, schema or the like is dropped outside the contract phase"
HARM = "code that still runs uses it, and what it held is gone"
INSTEAD = "stop using it, deploy, and drop it in a file that begins with -- lamppost: phase contract"

ON = (Drop,)

_HARMLESS = {"statistics", "cast", "operator", "operator class", "operator family", "conversion"}


def check(what: Drop, at: State) -> Iterator[Found]:
    """What the file made itself may go again; what it makes anew is replaced, not removed."""
    if what.kind == "index" or what.kind in _HARMLESS:
        return
    for name in what.names:
        if at.is_new(name) or (what.on is not None and at.is_new(what.on)):
            continue
        if what.kind in {"extension", "event trigger", "publication", "foreign server"}:
            yield Found(
                f"dropping the {what.kind} {name} takes along what any service built on it",
                instead="leave it to the operator",
            )
        elif not what.cascade and (users := _users(what, at.resolved(name), at)):
            yield Found(
                f"{users} needs {name}: the server refuses to drop it",
                instead="drop what needs it by name first",
            )
        elif what.cascade:
            yield Found(
                f"cascade drops everything that uses {name}, unnamed",
                instead="drop what uses it by name first",
            )
        elif what.kind in {"view", "function", "procedure", "trigger", "policy", "rule"} and at.made_again(
            what.kind, name
        ):
            yield Found(
                f"{name} is dropped and made again; its grants are lost", "advise", "create or replace it"
            )
        elif not at.contracting:
            yield Found(f"running code still uses the {what.kind} {name}")


def _users(what: Drop, name: Name, at: State) -> str:
    """Views and tables that keep a table from being dropped, by the catalog."""
    if what.kind not in {"table", "view", "materialized view"}:
        return ""
    facts = at.known(name)
    views = {view for (table, _), seen in facts.viewed.items() if table == name for view in seen}
    users = (views | facts.referred.get(name, frozenset())) - at.dropped - {name}
    return ", ".join(sorted(str(user) for user in users - {at.resolved(other) for other in what.names}))
