"""A guard against waiting taken away."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Call, Found, Set, Severity
from lamppost.migrate.lint.settings import milliseconds
from lamppost.migrate.lint.state import State

NAME = "timeout-switched-off"
SEVERITY: Severity = "block"
WHEN = "lock_timeout or statement_timeout is switched off or raised beyond a minute"
HARM = "a statement that waits for its lock makes everybody behind it wait as long"
INSTEAD = "leave the timeouts to the runner, or shorten them with set local"

ON = (Set, Call)

_GUARDS = {
    "lock_timeout": 60_000,
    "statement_timeout": 3_600_000,
    "idle_in_transaction_session_timeout": 3_600_000,
    "transaction_timeout": 3_600_000,
}


def check(what: Set | Call, at: State) -> Iterator[Found]:
    """A value of 0 means: wait for ever. `reset` brings back the server's default, which is 0."""
    if isinstance(what, Call):
        if what.function.name != "set_config" or len(what.arguments) < 2 or what.arguments[0] is None:
            return
        what = Set(what.arguments[0].lower(), (what.arguments[1] or "",), local=False)
    name, values = what.name, what.values
    if name not in _GUARDS:
        return
    asked = milliseconds(values[0]) if values and values[0].lower() != "default" else 0
    if asked == 0:
        yield Found(f"{name} is switched off")
    elif asked is not None and asked > _GUARDS[name]:
        yield Found(f"{name} is raised to {values[0]}")
