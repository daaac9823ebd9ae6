"""A trigger, a rule or row-level security switched off."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Found, OtherAction, Severity
from lamppost.migrate.lint.state import State

NAME = "guard-switched-off"
SEVERITY: Severity = "block"
WHEN = "triggers, rules or row-level security of a table in use are switched off"
HARM = "what they kept from happening happens, for everybody, and nobody checks it later"
INSTEAD = "leave them on; do the exceptional write through a function that may"

ON = (OtherAction,)

_OFF = {
    "AT_DisableTrig",
    "AT_DisableTrigAll",
    "AT_DisableTrigUser",
    "AT_DisableRule",
    "AT_DisableRowSecurity",
    "AT_NoForceRowSecurity",
}


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """Row-level security without a policy hides every row from the application."""
    if at.is_new(what.table):
        return
    for action in what.actions:
        if isinstance(action, OtherAction) and action.kind in _OFF:
            yield Found(f"{what.table} loses a guard: {action.name or 'all of them'}")
        elif (
            isinstance(action, OtherAction)
            and action.kind == "AT_EnableRowSecurity"
            and not at.has_policy(what.table)
        ):
            yield Found(
                f"without a policy the application sees no row of {what.table}",
                instead="create the policies in the same file",
            )
