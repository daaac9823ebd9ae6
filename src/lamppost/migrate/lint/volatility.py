"""Whether an expression gives every row a value of its own."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamppost.migrate.lint.model import Name
from lamppost.migrate.lint.tree import function, of_kind

if TYPE_CHECKING:
    from lamppost.migrate.lint.state import State

# The ones defaults are made of; the file knows the rest.
_STEADY = {
    "now",
    "timezone",
    "lower",
    "upper",
    "md5",
    "to_char",
    "date_trunc",
    "jsonb_build_object",
    "concat",
    "coalesce",
}


def volatile(expression: Any, at: "State") -> str:
    """The volatile function that `expression` calls, or nothing.

    A function nobody has told us about counts as volatile, as PostgreSQL has it by default.
    """
    for call in of_kind(expression, "FuncCall"):
        name = function(call)
        if _is_volatile(name, at):
            return str(name)
    return ""


def _is_volatile(name: Name, at: "State") -> bool:
    if name.schema is None and (name.name in _STEADY or name.name in steady_functions()):
        return False
    mine = at.functions.get(at.resolved(name))
    said = mine.volatility if mine else at.known(name).volatility.get(at.resolved(name))
    return said in {None, "volatile"}


@cache
def steady_functions() -> frozenset[str]:
    """PostgreSQL's own functions that are stable or immutable in all their forms (version 18)."""
    return frozenset((Path(__file__).parent / "steady_functions.txt").read_text().split())
