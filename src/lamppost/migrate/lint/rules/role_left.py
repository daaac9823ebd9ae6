"""A migration that becomes somebody else."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AlterTable, Call, Found, OtherAction, Owner, Set, Severity
from lamppost.migrate.lint.state import State

NAME = "role-left"
SEVERITY: Severity = "block"
WHEN = "the role, the session's user or the owner of an object is changed"
HARM = "the rest runs with other rights, and what it makes belongs to another role"
INSTEAD = "let the migrator's role do it, and own it"

ON = (Set, Call, Owner, OtherAction)

_ROLES = {"role", "session_authorization"}


def check(what: Set | Call | Owner | AlterTable, at: State) -> Iterator[Found]:
    """`set_config('role', …)` and `reset role` are the same."""
    match what:
        case Set(name=name) if name in _ROLES:
            yield Found(f"set {name} leaves the migrator's role")
        case Call(function=function, arguments=arguments) if function.name == "set_config" and arguments[:1]:
            if (arguments[0] or "").lower() in _ROLES:
                yield Found(f"set_config leaves the migrator's role: {arguments[0]}")
        case Owner():
            yield Found(f"{what.name} would belong to {what.role}")
        case AlterTable(actions=actions):
            for action in actions:
                if isinstance(action, OtherAction) and action.kind == "AT_ChangeOwner":
                    yield Found(f"{what.table} would belong to {action.name}")
