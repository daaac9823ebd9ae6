"""A setting that outlives the file."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Call, Found, Set, Severity
from lamppost.migrate.lint.state import State

NAME = "setting-leaks"
SEVERITY: Severity = "block"
WHEN = "the session's settings are changed or thrown away, not only this transaction's"
HARM = "the next file, the ledger and the migrator's lock live in the same session"
INSTEAD = "use set local, or say it at the function: alter function … set"

ON = (Set, Call)

# What changes the meaning of statements, or switches checks off; local or not.
_NEVER = {
    "session_replication_role",
    "standard_conforming_strings",
    "client_encoding",
    "row_security",
    "zero_damaged_pages",
    "allow_system_table_mods",
    "synchronous_commit",
    "fsync",
}


def check(what: Set | Call, at: State) -> Iterator[Found]:
    """`discard all` also frees the lock that keeps a second migrator away."""
    if isinstance(what, Call):
        if what.function.name != "set_config" or len(what.arguments) < 3 or what.arguments[0] is None:
            return
        what = Set(
            what.arguments[0].lower(), (what.arguments[1] or "",), what.arguments[2] in {"True", "true"}
        )
    if what.name == "all":
        yield Found(
            "the session's settings, and with `discard` its locks, are thrown away",
            instead="leave the session as it is",
        )
    elif what.name == "session characteristics":
        yield Found("every later transaction of the session changes with it")
    elif what.name in _NEVER:
        yield Found(f"{what.name} changes what the rest of the file means or checks", instead="do without it")
    elif what.name == "search_path" and not what.local:
        yield Found("search_path is changed for the session")
    elif what.local and not at.in_transaction and what.name not in {"transaction", "role"}:
        yield Found(
            f"set local {what.name} does nothing outside a transaction", instead="use set, and set it back"
        )
