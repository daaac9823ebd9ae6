"""A service that reaches into another one."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import (
    CreateFunction,
    Found,
    Kind,
    Make,
    Move,
    Name,
    Read,
    Set,
    Severity,
)
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.topics import Strangers

NAME = "other-services-tables"
SEVERITY: Severity = "block"
WHEN = "a file touches a schema that is not its service's"
HARM = (
    "the other service cannot change its tables any more without asking, and waits for locks "
    "it knows nothing of"
)
INSTEAD = (
    "let the owner do it in its own migration, or ask over a route or a queue; declare a read"
    " with -- lamppost: reads SCHEMA.TABLE"
)

ON = (Make, Move, Set, CreateFunction, Strangers)

# Schemas every service may call into; tables there belong to the platform or to nobody.
_SHARED = {"pg_catalog", "information_schema", "pg_temp", "lamppost"}
# The tool's own tables.
LEDGER = {"schema_migrations", "schema_jobs", "schema_releases"}


def check(what: Kind, at: State) -> Iterator[Found]:
    """Needs to know the service: by `--service`, the folder or the file's name. The ledger is nobody's."""
    if isinstance(what, Make) and what.kind == "schema" and at.service and what.name.name != at.service:
        yield Found(f"the schema {what.name.name} is not {at.service}'s")
    if isinstance(what, Move) and at.service and what.schema != at.service:
        yield Found(f"{what.name} would move into {what.schema}")
    if isinstance(what, Set) and what.name.startswith("search_path") and at.service:
        yield from _path(what.values, at.service)
    if isinstance(what, CreateFunction) and at.service:
        yield from _path(what.path, at.service)
    if at.keeps_to_itself:
        return
    seen: set[Name] = set()
    for name, how in at.uses:
        if isinstance(what, Read) and what.locks and how == "read" and name in what.tables:
            how = "change"
        if name in seen or name.schema is None:
            continue
        seen.add(name)
        if name.name in LEDGER and name.schema in {"public", "lamppost"} and how != "read":
            yield Found(
                f"{name} is the ledger of the migrator", instead="leave the ledger to lamppost migrate"
            )
        elif at.service and not _may(name, how, at):
            yield Found(f"{name} is not {at.service}'s")


def _path(values: tuple[str, ...], service: str) -> Iterator[Found]:
    for schema in (part.strip().strip('"') for value in values for part in value.split(",")):
        if schema not in {service, "pg_temp", "pg_catalog", "public", "lamppost", "", "$user"}:
            yield Found(f"the search path leads into {schema}")


def _may(name: Name, how: str, at: State) -> bool:
    if name.schema == at.service or (name.schema == "public" and how == "call"):
        return True
    if name.schema in _SHARED:
        return how != "change"
    return how == "read" and (name.schema, name.name) in at.header.reads
