"""A table named without its schema."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import Found, Kind, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Strangers

NAME = "name-without-schema"
SEVERITY: Severity = "block"
WHEN = "a service's file names a table without a schema and sets no search path"
HARM = "it is looked up, or made, wherever the connection's search path leads"
INSTEAD = "write schema.table"

ON = (Strangers,)


def check(what: Kind, at: State) -> Iterator[Found]:
    """CTEs, temporary tables and what the file made under that name are clear."""
    if at.service is None or at.search_path or at.keeps_to_itself:
        return
    seen: set[str] = set()
    for name, how in at.uses:
        if (
            name.schema is None
            and how in {"read", "change"}
            and name not in at.temporary
            and name.name not in seen
        ):
            if name.name.startswith(("pg_", "lamppost_unknown")):
                continue
            seen.add(name.name)
            yield Found(f"{name.name} may be found in any schema, or none")
