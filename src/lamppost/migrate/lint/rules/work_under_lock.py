"""Long work while others wait."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Change, CreateFrom, Found, Insert, Loop, Read, Severity
from lamppost.migrate.lint.state import State

NAME = "work-under-lock"
SEVERITY: Severity = "block"
WHEN = "rows are changed, copied or read at length in a transaction that already holds a table"
HARM = "whoever wants that table waits until the work ends, not only until the first statement does"
INSTEAD = "put it into a file of its own; large changes into a job"

ON = (Change, Insert, Read, CreateFrom, Loop)


def check(what: Change | Insert | Read | CreateFrom | Loop, at: State) -> Iterator[Found]:
    """A row or two by key is no work; filling new tables from constants neither."""
    held = at.holds()
    if held is None or at.inside == "function":
        return
    change = what.change if isinstance(what, Loop) else what
    if change.reach in {"few", "none"}:
        return
    match change:
        case Change(table=table):
            long = not at.is_new(table)
        case Insert(copies=tables) | Read(tables=tables):
            long = any(
                not at.is_new(table) and table.schema not in {"pg_catalog", "information_schema"}
                for table in tables
            )
        case _:
            long = True
    if long:
        yield Found(f"{held[0]} is held since line {held[1]}, and everybody waits for it until this ends")
