"""Whether a check says already what a partition's bounds ask: then attaching it need not look at the rows."""

import re
from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.fold import operator_of
from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.tree import NOT_CONSTANT, constant, strings

_MIDNIGHT = re.compile(r"( 00:00:00)?([+-]00)?$")
Comparison = tuple[str, str, str]


def implied(bound: Node, check: Node) -> bool:
    """Whether every row that `check` lets through lies within `bound`.

    One column, and the same constants on both sides: what is put otherwise counts as not implied.
    """
    said = set(_comparisons(check))
    columns = {column for column, _, _ in said}
    match bound.get("strategy"):
        case "r" if len(bound.get("lowerdatums", [])) == 1:
            lower, upper = _datum(bound["lowerdatums"][0]), _datum(bound["upperdatums"][0])
            return any(
                (lower is None or (column, ">=", lower) in said)
                and (upper is None or (column, "<", upper) in said)
                for column in columns
            )
        case "l":
            wanted = {_text(item) for item in bound.get("listdatums", [])}
            return any(operator == "=" and value in wanted for _, operator, value in said)
    return False


def _datum(node: Node) -> str | None:
    """The constant of a bound; None for minvalue and maxvalue, which bound nothing."""
    columns = strings(node.get("ColumnRef", {}).get("fields"))
    return None if columns[-1:] in {("minvalue",), ("maxvalue",)} else _text(node)


def _text(node: Any) -> str:
    value = constant(node)
    # The server writes what the file says shorter: 2025-01-01 as 2025-01-01 00:00:00+00.
    return "" if value is NOT_CONSTANT else _MIDNIGHT.sub("", str(value))


def _comparisons(check: Any) -> Iterator[Comparison]:
    if "BoolExpr" in check and check["BoolExpr"].get("boolop") == "AND_EXPR":
        for part in check["BoolExpr"]["args"]:
            yield from _comparisons(part)
    elif "A_Expr" in check:
        node = check["A_Expr"]
        column = strings(node.get("lexpr", {}).get("ColumnRef", {}).get("fields"))[-1:]
        if column:
            yield column[0], operator_of(node), _text(node.get("rexpr"))
