"""The one statement of a walk: what it must mention, and what it must leave alone."""

import re

from lamppost.errors import AuthorError
from lamppost.migrate.files import Migration
from lamppost.migrate.header import Walk
from lamppost.migrate.statements import code, split

_PARAMETER = re.compile(r"\$(\d+)")
_FIRST, _LAST = 1, 2


def of(migration: Migration, walk: Walk) -> str:
    """The statement that runs for each stretch of keys. Raises `AuthorError` where it could not."""
    found = split(migration.text)
    if len(found) != 1:
        raise AuthorError(
            f"{migration.name}: a walk has one statement, and this file has {len(found)}",
            fix="give each its own file, or write them as one with `with … as (update … returning …)`",
            code="job_statement",
        )
    mentioned = {int(number) for number in _PARAMETER.findall(code(found[0]))}
    if mentioned != {_FIRST, _LAST}:
        raise AuthorError(
            f"{migration.name}: its statement mentions {_spoken(mentioned)};"
            " $1 and $2 are the first and the last key of a stretch, inclusive",
            fix=f"narrow it: … where {walk.column} between $1 and $2",
            code="job_statement",
        )
    if _moves(found[0], walk):
        raise AuthorError(
            f"{migration.name}: it changes {walk.column}, the key it goes by:"
            " a row that moves ahead would be met again",
            fix="go by another unique column that the statement leaves alone",
            code="job_statement",
        )
    return found[0]


def _spoken(mentioned: set[int]) -> str:
    return " and ".join(f"${number}" for number in sorted(mentioned)) or "no stretch"


def _moves(statement: str, walk: Walk) -> bool:
    """Whether an update of the table sets the key. Unreadable ones are the server's to refuse."""
    try:
        from pglast.parser import ParseError

        from lamppost.migrate.lint.parse import query
        from lamppost.migrate.lint.tree import of_kind
    except ModuleNotFoundError:
        # A function's zip holds no parser. What is missed here costs repeated work, never an endless walk.
        return False
    try:
        trees = query(statement)
    except ParseError:
        return False
    for update in of_kind([{kind: fields} for kind, fields in trees], "UpdateStmt"):
        table = update.get("relation", {})
        if table.get("relname") != walk.table or table.get("schemaname", walk.schema) != walk.schema:
            continue
        if any(one.get("ResTarget", {}).get("name") == walk.column for one in update.get("targetList", ())):
            return True
    return False
