"""Reads a policy's expression and judges whether it keeps rows to one tenant. Pure.

PostgreSQL gives the expression as text; its own parser reads it again. What is not known to be a wall is
none: a policy that is right in a way of its own is found, and somebody looks at it.
"""

from typing import Any, Literal

from lamppost.migrate.lint.pg import parse_sql_json

Judgement = Literal["wall", "own", "own_everywhere", "true", "without_nullif", "other_setting", "open"]

TENANT = "app.tenant_id"
Node = dict[str, Any]


def judge(expression: str, column: str) -> Judgement:
    """What `expression` lets through: `wall` one tenant's rows, `own` the caller's outside any tenant.

    `column` is the tenant's column. The others are ways to let more through, `open` being any other.
    """
    import msgspec

    tree = msgspec.json.decode(parse_sql_json(f"select where {expression}"))
    return _judge(tree["stmts"][0]["stmt"]["SelectStmt"]["whereClause"], column)


def _judge(node: Node, column: str) -> Judgement:
    boolean = node.get("BoolExpr")
    if boolean and boolean["boolop"] == "AND_EXPR":
        found = [_judge(arm, column) for arm in boolean["args"]]
        if "wall" in found:
            return "wall"
        if "own_everywhere" in found and any(_outside(arm) for arm in boolean["args"]):
            return "own"
        return next((one for one in found if one not in ("open", "true")), "open")
    if boolean and boolean["boolop"] == "OR_EXPR":
        found = [_judge(arm, column) for arm in boolean["args"]]
        return next((one for one in found if one != "wall"), "wall")
    if _constant(node) is True:
        return "true"
    return _comparison(node, column)


def _comparison(node: Node, column: str) -> Judgement:
    compared: Node | None = node.get("A_Expr")
    if not compared or compared["kind"] != "AEXPR_OP" or compared["name"][0]["String"]["sval"] != "=":
        return "open"
    sides = (compared["lexpr"], compared["rexpr"])
    for one, other in (sides, sides[::-1]):
        named = _column(one)
        if named == column:
            return _tenant(_scalar(other))
        if named is not None and _calls(_scalar(other), "user_id"):
            return "own_everywhere"
    return "open"


def _tenant(node: Node) -> Judgement:
    """What a side says that is compared with the tenant's column."""
    if _calls(node, "tenant_id"):
        return "wall"
    inner = _uncast(node)
    guarded = "NullIf" in inner or inner.get("A_Expr", {}).get("kind") == "AEXPR_NULLIF"
    asked = _setting(_uncast(inner["A_Expr"]["lexpr"]) if guarded else inner)
    if asked is None:
        return "open"
    if asked != TENANT:
        return "other_setting"
    if not guarded:
        return "without_nullif"
    return "wall" if _constant(_uncast(inner["A_Expr"]["rexpr"])) == "" else "without_nullif"


def _outside(node: Node) -> bool:
    """Whether this says: in no tenant."""
    test: Node = node.get("NullTest") or {}
    return test.get("nulltesttype") == "IS_NULL" and _calls(_scalar(test["arg"]), "tenant_id")


def _scalar(node: Node) -> Node:
    """`(select f())` is f(), asked once."""
    link = node.get("SubLink")
    if not link or link["subLinkType"] != "EXPR_SUBLINK":
        return node
    select = link["subselect"]["SelectStmt"]
    plain = not (select.keys() - {"targetList", "limitOption", "op"}) and len(select["targetList"]) == 1
    return select["targetList"][0]["ResTarget"]["val"] if plain else node


def _uncast(node: Node) -> Node:
    return node["TypeCast"]["arg"] if "TypeCast" in node else node


def _calls(node: Node, name: str) -> bool:
    call: Node = node.get("FuncCall") or {}
    return _words(call.get("funcname", [])) == ["lamppost", name] and "args" not in call


def _setting(node: Node) -> str | None:
    """The setting this asks for."""
    call = node.get("FuncCall")
    if not call or _words(call["funcname"])[-1] != "current_setting":
        return None
    name = _constant(_uncast(call["args"][0]))
    return name if isinstance(name, str) else ""


def _column(node: Node) -> str | None:
    reference = node.get("ColumnRef")
    return _words(reference["fields"])[-1] if reference else None


def _words(nodes: list[Node]) -> list[str]:
    return [node["String"]["sval"] if "String" in node else "*" for node in nodes]


def _constant(node: Node) -> str | bool | None:
    constant = node.get("A_Const")
    if constant is None:
        return None
    if "boolval" in constant:
        return bool(constant["boolval"].get("boolval", False))
    return str(constant["sval"].get("sval", "")) if "sval" in constant else None
