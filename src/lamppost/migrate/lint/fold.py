"""Expressions that have a value whatever the rows hold: `1 = 1`, `not false`, `exists (select 1)`."""

from typing import Any

from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.tree import NOT_CONSTANT, constant, same, strings


def operator_of(node: Node) -> str:
    """The operator of an A_Expr, without its schema."""
    return (strings(node.get("name")) or ("",))[-1]


def fold(node: Any) -> Any:
    """The value of an expression that has one whatever the rows hold, else `NOT_CONSTANT`."""
    if not isinstance(node, dict):
        return NOT_CONSTANT
    value = constant(node)
    if value is not NOT_CONSTANT:
        return value
    if "TypeCast" in node:
        return fold(node["TypeCast"].get("arg"))
    if "BoolExpr" in node:
        return _fold_connective(node["BoolExpr"])
    if "A_Expr" in node:
        return _fold_expression(node["A_Expr"])
    if "NullTest" in node:
        inner = fold(node["NullTest"].get("arg"))
        if inner is NOT_CONSTANT:
            return inner
        return (inner is None) == (node["NullTest"]["nulltesttype"] == "IS_NULL")
    if "BooleanTest" in node:
        inner = fold(node["BooleanTest"].get("arg"))
        if inner is NOT_CONSTANT:
            return inner
        wanted = {"IS_TRUE": inner is True, "IS_NOT_TRUE": inner is not True, "IS_FALSE": inner is False}
        wanted |= {
            "IS_NOT_FALSE": inner is not False,
            "IS_UNKNOWN": inner is None,
            "IS_NOT_UNKNOWN": inner is not None,
        }
        return wanted.get(node["BooleanTest"].get("booltesttype", ""), NOT_CONSTANT)
    if "CoalesceExpr" in node:
        for argument in node["CoalesceExpr"].get("args", []):
            inner = fold(argument)
            if inner is not None:
                return inner
        return None
    if "CaseExpr" in node:
        return _fold_case(node["CaseExpr"])
    if "SubLink" in node:
        return _fold_query(node["SubLink"])
    return NOT_CONSTANT


def plain(node: Any) -> Any:
    """`node` without what changes nothing: casts, `+ 0`, `|| ''`, `coalesce` of one thing with itself."""
    while isinstance(node, dict):
        if "TypeCast" in node:
            node = node["TypeCast"].get("arg")
        elif "CoalesceExpr" in node and _all_same(node["CoalesceExpr"].get("args", [])):
            node = node["CoalesceExpr"]["args"][0]
        elif "A_Expr" in node and _adds_nothing(node["A_Expr"]):
            node = node["A_Expr"].get("lexpr")
        else:
            return node
    return node


def _all_same(arguments: list[Any]) -> bool:
    return bool(arguments) and all(same(arguments[0], other) for other in arguments[1:])


def _adds_nothing(node: Node) -> bool:
    neutral = {"+": 0, "-": 0, "*": 1, "/": 1, "||": ""}.get(operator_of(node), NOT_CONSTANT)
    value = constant(node.get("rexpr"))
    return node.get("kind") == "AEXPR_OP" and value is not NOT_CONSTANT and value == neutral


def _fold_connective(node: Node) -> Any:
    values = [fold(argument) for argument in node.get("args", [])]
    kind = node.get("boolop")
    if kind == "NOT_EXPR":
        return values[0] if values[0] is None or values[0] is NOT_CONSTANT else not values[0]
    decisive = kind == "OR_EXPR"
    if decisive in values:
        return decisive
    if NOT_CONSTANT in values:
        return NOT_CONSTANT
    return None if None in values else not decisive


def _fold_case(case: Node) -> Any:
    if "arg" in case:
        return NOT_CONSTANT
    for branch in case.get("args", []):
        condition = fold(branch["CaseWhen"].get("expr"))
        if condition is NOT_CONSTANT:
            return NOT_CONSTANT
        if condition is True:
            return fold(branch["CaseWhen"].get("result"))
    return fold(case["defresult"]) if "defresult" in case else None


def _fold_query(link: Node) -> Any:
    query = link.get("subselect", {}).get("SelectStmt", {})
    if "fromClause" in query or "valuesLists" in query or "larg" in query or "groupClause" in query:
        return NOT_CONSTANT
    kept = fold(query["whereClause"]) if "whereClause" in query else True
    if kept is NOT_CONSTANT:
        return NOT_CONSTANT
    if link.get("subLinkType") == "EXISTS_SUBLINK":
        return kept is True
    targets = query.get("targetList", [])
    if link.get("subLinkType") == "EXPR_SUBLINK" and len(targets) == 1:
        return fold(targets[0].get("ResTarget", {}).get("val")) if kept is True else None
    return NOT_CONSTANT


def _fold_expression(node: Node) -> Any:
    kind, operator = node.get("kind"), operator_of(node)
    left = fold(node.get("lexpr"))
    if kind in {"AEXPR_IN", "AEXPR_BETWEEN"}:
        right = node.get("rexpr", {})
        items = [
            fold(item)
            for item in (right.get("List", {}).get("items", []) if isinstance(right, dict) else right)
        ]
        if left is NOT_CONSTANT or NOT_CONSTANT in items or left is None or None in items:
            return NOT_CONSTANT
        if kind == "AEXPR_IN":
            return (left in items) == (operator == "=")
        return _compared("<=", items[0], left) is True and _compared("<=", left, items[1]) is True
    right = fold(node.get("rexpr"))
    if left is NOT_CONSTANT and right is NOT_CONSTANT and operator == "-" and kind == "AEXPR_OP":
        return 0 if same(node.get("lexpr"), node.get("rexpr")) else NOT_CONSTANT
    if left is NOT_CONSTANT or right is NOT_CONSTANT:
        return NOT_CONSTANT
    if kind in {"AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"}:
        return (left == right) == (kind == "AEXPR_NOT_DISTINCT")
    if left is None or right is None:
        return None
    if kind == "AEXPR_LIKE":
        return (right == left or str(right).strip("%") == "") if operator == "~~" else NOT_CONSTANT
    return _compared(operator, left, right) if kind == "AEXPR_OP" else NOT_CONSTANT


def _compared(operator: str, left: Any, right: Any) -> Any:
    try:
        match operator:
            case "=":
                return left == right
            case "<>":
                return left != right
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case ">=":
                return left >= right
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
    except TypeError:
        return NOT_CONSTANT
    return NOT_CONSTANT
