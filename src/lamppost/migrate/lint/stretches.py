"""Whether a statement keeps to a stretch of keys: from $1 to $2, both included."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.header import Walk
from lamppost.migrate.lint.fold import operator_of, plain
from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.tree import of_kind, strings

_TURNED = {"<=": ">=", ">=": "<="}


def parameters(node: Node) -> set[int]:
    """The numbers of the parameters in a statement."""
    return {ref.get("number", 0) for ref in of_kind(node, "ParamRef")}


def bounded(node: Node, walk: Walk) -> bool:
    """Whether the condition of an update, a delete or an insert … select bounds the walk's column."""
    query = node.get("selectStmt", {}).get("SelectStmt", {}) or node
    names = _names(node, query, walk)
    tables = sum(1 for _ in of_kind([node.get("fromClause"), node.get("usingClause")], "RangeVar"))
    said = set(_bounds(query.get("whereClause"), names, walk.column, alone=tables == 0 or query is not node))
    return said >= {(">=", 1), ("<=", 2)}


def _names(node: Node, query: Node, walk: Walk) -> set[str]:
    """What the walked table is called in the statement."""
    target = [] if query is not node else [node.get("relation", {})]
    found: set[str] = set()
    for table in [*target, *of_kind([query.get("fromClause"), query.get("usingClause")], "RangeVar")]:
        if table.get("relname") == walk.table and table.get("schemaname") in {None, walk.schema}:
            found.add(table.get("alias", {}).get("aliasname") or walk.table)
    return found


def _bounds(where: Any, names: set[str], column: str, *, alone: bool) -> Iterator[tuple[str, int]]:
    """Each (operator, parameter) that every row must satisfy."""
    if not isinstance(where, dict) or not names:
        return
    if "BoolExpr" in where and where["BoolExpr"].get("boolop") == "AND_EXPR":
        for part in where["BoolExpr"]["args"]:
            yield from _bounds(part, names, column, alone=alone)
        return
    node = where.get("A_Expr", {})
    left, right, operator = plain(node.get("lexpr")), plain(node.get("rexpr")), operator_of(node)
    if node.get("kind") == "AEXPR_BETWEEN" and _is(left, names, column, alone=alone):
        low, high = node["rexpr"]["List"]["items"]
        yield ">=", _number(plain(low))
        yield "<=", _number(plain(high))
    elif node.get("kind") == "AEXPR_OP" and operator in _TURNED:
        if _is(left, names, column, alone=alone):
            yield operator, _number(right)
        elif _is(right, names, column, alone=alone):
            yield _TURNED[operator], _number(left)


def _is(node: Any, names: set[str], column: str, *, alone: bool) -> bool:
    parts = strings(node.get("ColumnRef", {}).get("fields")) if isinstance(node, dict) else ()
    if parts[-1:] != (column,):
        return False
    return parts[-2] in names if len(parts) > 1 else alone


def _number(node: Any) -> int:
    return int(node.get("ParamRef", {}).get("number", 0)) if isinstance(node, dict) else 0
