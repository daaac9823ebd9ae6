"""A new column whose values must be written into every row."""

from collections.abc import Iterator

from lamppost.migrate.lint.model import AddColumn, AlterTable, Column, Found, Name, Severity
from lamppost.migrate.lint.state import State
from lamppost.migrate.lint.types import built_in
from lamppost.migrate.lint.volatility import volatile

NAME = "add-column-rewrites"
SEVERITY: Severity = "block"
WHEN = "a column is added with a volatile default, a sequence, an identity or a stored expression"
HARM = "nobody reads or writes the table while all of it is written anew"
INSTEAD = "add the column without the default, set the default in a second statement, fill old rows in a job"

ON = (AddColumn,)


def check(what: AlterTable, at: State) -> Iterator[Found]:
    """A stable default (`now()`) is computed once, and costs nothing since PostgreSQL 11."""
    if at.is_new(what.table) or what.kind not in {"table", "foreign table"}:
        return
    for action in what.actions:
        if isinstance(action, AddColumn) and (why := _why(action.column, at)):
            yield Found(f"nobody reads or writes {what.table} while all of it is written anew: {why}")


def _why(column: Column, at: State) -> str:
    if column.serial or column.identity:
        return f"{column.name} takes a number for every row"
    if column.generated == "stored":
        return f"{column.name} is computed and stored for every row"
    if column.default is not None:
        if at.pg < 11:
            return "before PostgreSQL 11 every default is written into every row"
        if called := volatile(column.default, at):
            return f"{called}() gives every row a value of its own"
    if _constrained(column.type_name, at):
        return f"the domain {column.type_name} has a constraint"
    return ""


def _constrained(domain: Name, at: State) -> bool:
    if built_in(domain):
        return False
    domain = at.resolved(domain)
    return bool(at.domains.get(domain) or at.known(domain).domains.get(domain))
