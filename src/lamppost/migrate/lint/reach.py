"""How many rows of a table a filter reaches: none, few, some, or all of them.

Few: an equality, a list, a bounded range, a limit. Some: a real condition nobody can count beforehand.
All: no condition, or one that is true for every row however it is spelled.
"""

from collections.abc import Callable
from typing import Any

from lamppost.migrate.lint.fold import fold, operator_of, plain
from lamppost.migrate.lint.model import Node, Reach
from lamppost.migrate.lint.tree import NOT_CONSTANT, constant, of_kind, same, strings

ORDER: tuple[Reach, ...] = ("none", "few", "some", "all")
_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "~~": "!~~", "!~~": "~~"}


def least(*reaches: Reach) -> Reach:
    """The smallest of them: `and`."""
    return min(reaches, key=ORDER.index)


def most(*reaches: Reach) -> Reach:
    """The largest of them: `or`."""
    return max(reaches, key=ORDER.index)


_NEGATED: dict[Reach, Reach] = {"none": "all", "all": "none"}


class Scope:
    """One table under a filter, by the names it has there, and how far each partner of a join reaches."""

    def __init__(
        self,
        names: frozenset[str],
        partners: dict[str, Reach] | None = None,
        filled: frozenset[str] = frozenset(),
        table: str = "",
        *,
        qualified: bool = False,
        same_rows: frozenset[str] = frozenset(),
    ) -> None:
        self.names = names
        self.table = table
        self.partners = partners or {}
        # Whether a bare column name may belong to another table as well.
        self.qualified = qualified
        # Columns known to be null in every row: `is null` holds for all.
        self.filled = filled
        # CTEs that hold rows of this table and of no other.
        self.same_rows = same_rows

    def column(self, node: Any) -> str | None:
        """The column of this table that `node` is, and nothing but."""
        while isinstance(node, dict) and "TypeCast" in node:
            node = node["TypeCast"].get("arg")
        if not isinstance(node, dict) or "ColumnRef" not in node:
            return None
        parts = strings(node["ColumnRef"].get("fields"))
        if len(parts) == 1:
            return None if self.qualified else parts[0]
        return parts[-1] if len(parts) > 1 and parts[-2] in self.names else None

    def mentioned(self, tree: Any) -> bool:
        """Whether a column of this table stands anywhere in `tree`."""
        return any(self.column({"ColumnRef": ref}) is not None for ref in of_kind(tree, "ColumnRef"))

    def partner(self, tree: Any) -> Reach | None:
        """How far the joined table reaches whose column stands in `tree`."""
        for ref in of_kind(tree, "ColumnRef"):
            parts = strings(ref.get("fields"))
            if len(parts) > 1 and parts[-2] in self.partners:
                return self.partners[parts[-2]]
        return None


def judge(where: Any, scope: Scope, select: Callable[[Node, Scope], Reach]) -> Reach:
    """How far `where` lets a statement reach into the table of `scope`. `select` judges a sub-query."""
    if where is None:
        return "all"
    value = fold(where)
    if value is not NOT_CONSTANT:
        return "all" if value is True else "none"
    if "BoolExpr" in where:
        return _connective(where["BoolExpr"], scope, select)
    if "BooleanTest" in where:
        test = where["BooleanTest"]
        inner = judge(test.get("arg"), scope, select)
        return inner if test.get("booltesttype") in {"IS_TRUE", "IS_NOT_FALSE"} else "some"
    if "NullTest" in where:
        return _null_test(where["NullTest"], scope)
    if "SubLink" in where:
        return _sublink(where["SubLink"], scope, select)
    if "CurrentOfExpr" in where:
        return "few"
    if "CaseExpr" in where:
        return _case(where["CaseExpr"], scope, select)
    if "A_Expr" in where:
        return _in_array(where["A_Expr"], scope, select) or _comparison(where["A_Expr"], scope)
    return "some" if scope.mentioned(where) else "all"


def _connective(node: Node, scope: Scope, select: Callable[[Node, Scope], Reach]) -> Reach:
    arguments = node.get("args", [])
    kind = node.get("boolop")
    if kind == "NOT_EXPR":
        inner = judge(arguments[0], scope, select)
        return _NEGATED.get(inner, "some")
    reaches = [judge(argument, scope, select) for argument in arguments]
    if kind == "AND_EXPR":
        return least(*reaches)
    if any(_opposites(one, other) for one in arguments for other in arguments if one is not other):
        return "all"
    return most(*reaches)


def _opposites(one: Any, other: Any) -> bool:
    if "BoolExpr" in one and one["BoolExpr"].get("boolop") == "NOT_EXPR":
        return same(one["BoolExpr"]["args"][0], other)
    if "NullTest" in one and "NullTest" in other:
        a, b = one["NullTest"], other["NullTest"]
        return a["nulltesttype"] != b["nulltesttype"] and same(a.get("arg"), b.get("arg"))
    if "A_Expr" in one and "A_Expr" in other:
        a, b = one["A_Expr"], other["A_Expr"]
        return (
            _OPPOSITE.get(operator_of(a)) == operator_of(b)
            and same(a.get("lexpr"), b.get("lexpr"))
            and same(a.get("rexpr"), b.get("rexpr"))
        )
    return False


def _null_test(test: Node, scope: Scope) -> Reach:
    column = scope.column(test.get("arg"))
    if column is None:
        return "some" if scope.mentioned(test) else "all"
    if test.get("nulltesttype") == "IS_NULL":
        return "all" if column in scope.filled else "some"
    return "all" if column in {"id", "ctid"} else "some"


def _sublink(link: Node, scope: Scope, select: Callable[[Node, Scope], Reach]) -> Reach:
    query = link.get("subselect", {}).get("SelectStmt", {})
    inside = select(query, scope)
    kind = link.get("subLinkType")
    if kind == "EXISTS_SUBLINK":
        if not _correlated(query, scope):
            return "none" if inside == "none" else "all"
        return "all" if _finds_itself(query, scope) else "some"
    if kind == "ANY_SUBLINK":
        # The same column of the same table without a condition is a filter that lets all through.
        column = scope.column(link.get("testexpr"))
        if column is None and not scope.mentioned(link.get("testexpr")):
            return "all"
        return _among(query, inside, scope)
    return "some" if scope.mentioned(link) else "all"


def _among(query: Node, inside: Reach, scope: Scope) -> Reach:
    """`in (select …)`: all of the same table is all; all of another is a condition nobody can count."""
    if inside != "all":
        return inside
    if "larg" in query:
        return most(*(_among(query[side], inside, scope) for side in ("larg", "rarg")))
    return "all" if _own_table(query, scope) and _unconditional(query, scope) else "some"


def _unconditional(query: Node, scope: Scope) -> bool:
    """Whether one side of a union, judged as a whole, holds every row by itself."""
    inner = Scope(scope.names | {scope.table}, table=scope.table)
    return judge(query.get("whereClause"), inner, lambda _query, _scope: "all") == "all"


def _in_array(node: Node, scope: Scope, select: Callable[[Node, Scope], Reach]) -> Reach | None:
    """`= any (array(select …))` and `= any ((select array_agg(…) …))`, which are `in` by other words."""
    array = plain(node.get("rexpr"))
    if node.get("kind") != "AEXPR_OP_ANY" or not isinstance(array, dict) or "SubLink" not in array:
        return None
    if scope.column(node.get("lexpr")) is None:
        return None
    query = array["SubLink"].get("subselect", {}).get("SelectStmt", {})
    return _among(query, select(query, scope), scope)


def _case(case: Node, scope: Scope, select: Callable[[Node, Scope], Reach]) -> Reach:
    """Where every branch is true the case is; where only some are, their conditions count."""
    if "arg" in case:
        return "some" if scope.mentioned(case) else "all"
    branches = [branch["CaseWhen"] for branch in case.get("args", [])]
    otherwise = judge(case["defresult"], scope, select) if "defresult" in case else "none"
    reaches = [judge(branch.get("result"), scope, select) for branch in branches]
    if all(reach == "all" for reach in (*reaches, otherwise)):
        return "all"
    if otherwise != "none":
        return "some"
    conditions = [judge(branch.get("expr"), scope, select) for branch in branches]
    return most(*(least(one, other) for one, other in zip(conditions, reaches, strict=True)))


def _between(left: Any, right: Any) -> Reach:
    bounds = right.get("List", {}).get("items", []) if isinstance(right, dict) else right or []
    return "all" if bounds and all(same(plain(left), plain(bound)) for bound in bounds) else "few"


def _own_table(query: Node, scope: Scope) -> bool:
    tables = [table.get("relname") for table in of_kind(query.get("fromClause"), "RangeVar")]
    return len(tables) == 1 and tables[0] in {*scope.names, scope.table, *scope.same_rows}


def _finds_itself(query: Node, scope: Scope) -> bool:
    """`exists (select … from t x where x.id = t.id)`: every row finds itself."""
    where = query.get("whereClause", {})
    parts = where["BoolExpr"]["args"] if where.get("BoolExpr", {}).get("boolop") == "AND_EXPR" else [where]
    others = [part for part in parts if not _joins_itself(part)]
    if len(others) == len(parts) or not _own_table(query, scope) or "limitCount" in query:
        return False
    inner = Scope(_called(query), table=scope.table)
    return all(judge(part, inner, lambda _query, _scope: "some") == "all" for part in others)


def _joins_itself(part: Any) -> bool:
    """`x.id = t.id`: the same column of two tables."""
    condition = part.get("A_Expr", {})
    sides = [
        strings((condition.get(side) or {}).get("ColumnRef", {}).get("fields")) for side in ("lexpr", "rexpr")
    ]
    if operator_of(condition) != "=" or not all(sides):
        return False
    return sides[0][-1] == sides[1][-1] and sides[0] != sides[1]


def _called(query: Node) -> frozenset[str]:
    """What the tables of a query are called in it."""
    tables = of_kind(query.get("fromClause"), "RangeVar")
    return frozenset(
        (table.get("alias") or {}).get("aliasname") or table.get("relname", "") for table in tables
    )


def _correlated(query: Node, scope: Scope) -> bool:
    """Whether the sub-query's condition looks at the row outside, by the table's name."""
    own = {
        (table.get("alias") or {}).get("aliasname") or table.get("relname")
        for table in of_kind(query.get("fromClause"), "RangeVar")
    }
    for ref in of_kind(query, "ColumnRef"):
        parts = strings(ref.get("fields"))
        if len(parts) > 1 and parts[-2] in scope.names and parts[-2] not in own:
            return True
        # An unqualified name may be a column outside; with no table inside it must be one.
        if len(parts) == 1 and not own:
            return True
    return False


def _comparison(node: Node, scope: Scope) -> Reach:
    kind, operator = node.get("kind"), operator_of(node)
    left, right = node.get("lexpr"), node.get("rexpr")
    if not scope.mentioned(left) and not scope.mentioned(right):
        return "all"
    if kind == "AEXPR_BETWEEN":
        return _between(left, right)
    if kind == "AEXPR_IN":
        return _in(left, right, operator)
    left, right = plain(left), plain(right)
    if same(left, right) or (scope.column(left) and scope.column(left) == scope.column(right)):
        return (
            "all"
            if kind == "AEXPR_NOT_DISTINCT"
            or (kind != "AEXPR_DISTINCT" and operator in {"=", "<=", ">=", "~~", "@>", "<@", "&&"})
            else "none"
        )
    if kind == "AEXPR_LIKE":
        pattern = constant(right)
        anything = isinstance(pattern, str) and pattern != "" and not pattern.strip("%")
        return "all" if anything and operator in {"~~", "~~*"} else "some"
    if operator in {"~", "~*"} and constant(right) in {"", ".*", "^", "^.*$"}:
        return "all"
    if operator == "=" or kind in {"AEXPR_NOT_DISTINCT", "AEXPR_OP_ANY"}:
        return _equality(left, right, scope)
    return _inequality(left, right, operator, scope)


def _equality(left: Any, right: Any, scope: Scope) -> Reach:
    for one, other in ((left, right), (right, left)):
        if scope.column(one) is not None:
            if _twin(other, scope):
                return "all"
            if scope.mentioned(other) and scope.column(other) is None:
                own = any(same(one, {"ColumnRef": ref}) for ref in of_kind(other, "ColumnRef"))
                return "all" if own and "A_ArrayExpr" in other else "some"
            return scope.partner(other) or "few"
    return scope.partner([left, right]) or "some"


def _twin(node: Any, scope: Scope) -> bool:
    """`(select x.id from t x where x.id = t.id)`: the row's own key, the long way round."""
    if not isinstance(node, dict) or node.get("SubLink", {}).get("subLinkType") != "EXPR_SUBLINK":
        return False
    return _finds_itself(node["SubLink"].get("subselect", {}).get("SelectStmt", {}), scope)


def _in(left: Any, right: Any, operator: str) -> Reach:
    items = right.get("List", {}).get("items", []) if isinstance(right, dict) else right or []
    if any(same(left, item) for item in items):
        return "all" if operator == "=" else "none"
    return "few" if operator == "=" else "some"


def _inequality(left: Any, right: Any, operator: str, scope: Scope) -> Reach:
    # Keys are counted from one: `id > 0` lets every row through.
    if (scope.column(left) or "") == "id":
        value = constant(right)
        if (operator in {">", ">=", "<>"} and value in (0, -1) and value is not False) or (
            operator == ">=" and value == 1
        ):
            return "all"
    return "some"
