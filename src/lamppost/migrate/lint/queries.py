"""Queries: what they change and how far, what they read, which functions they call."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.model import (
    Call,
    Change,
    CreateFrom,
    Insert,
    Kind,
    Name,
    NewerServer,
    Node,
    Reach,
    Read,
)
from lamppost.migrate.lint.newer import newer_function
from lamppost.migrate.lint.reach import Scope, judge, least, most
from lamppost.migrate.lint.tree import NOT_CONSTANT, constant, function, of_kind, relation, string

Filled = dict[Name, frozenset[str]]
# A limit above this is none: the rows of one batch are fewer.
BATCH = 50_000
_FOLDING = {
    "count", "sum", "min", "max", "avg", "array_agg", "string_agg", "json_agg", "jsonb_agg",
    "json_object_agg", "jsonb_object_agg", "bool_and", "bool_or", "every", "any_value",
}  # fmt: skip
QUERIES = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"}


def query(kind: str, node: Node, filled: Filled, *, calls: bool = True) -> Iterator[Kind]:
    """All that a query does, with its CTEs and the functions it calls, if it `calls` any."""
    yield from _parts(kind, node, filled, {})
    if kind == "MergeStmt":
        yield from _newer_merge(node)
    if not calls:
        return
    for call in of_kind(node, "FuncCall"):
        arguments = (constant(argument) for argument in call.get("args", []))
        name = function(call)
        yield from newer_function(name)
        yield Call(name, tuple(None if a is NOT_CONSTANT or a is None else str(a) for a in arguments))


def _newer_merge(node: Node) -> Iterator[Kind]:
    yield NewerServer("merge", 15)
    clauses = [entry["MergeWhenClause"] for entry in node.get("mergeWhenClauses", [])]
    if any(clause.get("matchKind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" for clause in clauses):
        yield NewerServer("when not matched by source", 17)
    if "returningClause" in node or "returningList" in node:
        yield NewerServer("merge … returning", 17)


def _parts(kind: str, node: Node, filled: Filled, bounds: dict[str, Reach]) -> Iterator[Kind]:
    for entry in node.get("withClause", {}).get("ctes", []):
        cte = entry["CommonTableExpr"]
        inner, fields = next(iter(cte.get("ctequery", {"SelectStmt": {}}).items()))
        yield from _parts(inner, fields, filled, bounds)
        bounds = {**bounds, cte["ctename"]: selected(fields, bounds) if inner == "SelectStmt" else "some"}
    match kind:
        case "UpdateStmt" | "DeleteStmt":
            yield _change(kind, node, filled, bounds)
        case "MergeStmt":
            yield _merge(node, bounds)
        case "InsertStmt":
            yield from _insert(node, filled, bounds)
        case "SelectStmt":
            yield from _select(node, filled, bounds)


def _change(kind: str, node: Node, filled: Filled, bounds: dict[str, Reach]) -> Change:
    table = relation(node.get("relation"))
    where = node.get("whereClause")
    sources = node.get("fromClause", []) + node.get("usingClause", [])
    names = _names(node.get("relation", {}))
    conditions, partners = _joined(sources, where, bounds, names)
    scope = Scope(
        names, partners, filled.get(table, frozenset()), table.name, same_rows=_ctes_of(node, table.name)
    )
    reach = judge(_all_of(conditions), scope, lambda inner, _: selected(inner, bounds))
    verb = "update" if kind == "UpdateStmt" else "delete"
    return Change(verb, table, reach, _why(where, reach), "" if sources else _only_null(where, scope))


def _only_null(where: Any, scope: Scope) -> str:
    """The column c of `where c is null`, if that is all."""
    test = where.get("NullTest", {}) if where else {}
    return (scope.column(test.get("arg")) or "") if test.get("nulltesttype") == "IS_NULL" else ""


def _ctes_of(node: Node, table: str) -> frozenset[str]:
    """The CTEs of a statement that read this table and no other."""
    found: set[str] = set()
    for entry in node.get("withClause", {}).get("ctes", []):
        cte = entry["CommonTableExpr"]
        read = {one.get("relname") for one in of_kind(cte.get("ctequery"), "RangeVar")} - {cte["ctename"]}
        if read and read <= found | {table}:
            found.add(cte["ctename"])
    return frozenset(found)


def _why(where: Any, reach: Reach) -> str:
    if reach != "all":
        return ""
    return "it has no condition" if where is None else "its condition holds for every row"


def _merge(node: Node, bounds: dict[str, Reach]) -> Kind:
    table, names = relation(node.get("relation")), _names(node.get("relation", {}))
    conditions, partners = _joined([node.get("sourceRelation", {})], node.get("joinCondition"), bounds, names)
    scope = Scope(names, partners, frozenset(), table.name)
    reach: Reach = "none"
    for entry in node.get("mergeWhenClauses", []):
        clause = entry["MergeWhenClause"]
        if clause.get("commandType") not in {"CMD_UPDATE", "CMD_DELETE"}:
            continue
        own = [clause["condition"]] if "condition" in clause else []
        by_source = clause.get("matchKind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE"
        these = own if by_source else conditions + own
        reach = most(reach, judge(_all_of(these), scope, lambda inner, _: selected(inner, bounds)))
    if reach == "none":
        return Insert(table, "some", (), upsert=False)
    return Change("merge", table, reach, "its source and condition match every row" if reach == "all" else "")


def _insert(node: Node, filled: Filled, bounds: dict[str, Reach]) -> Iterator[Kind]:
    table = relation(node.get("relation"))
    source = node.get("selectStmt", {}).get("SelectStmt", {})
    upsert = node.get("onConflictClause", {}).get("action") == "ONCONFLICT_UPDATE"
    reach = selected(source, bounds) if source else "few"
    tables = copied(source)
    if upsert and reach == "all" and table in tables:
        yield Change("insert … on conflict", table, "all", "it writes every row of the table back into it")
    yield Insert(table, reach if tables else "few", tables, upsert, folds(source))
    yield from _ctes_within(source, filled, bounds)


def _select(node: Node, filled: Filled, bounds: dict[str, Reach]) -> Iterator[Kind]:
    into = node.get("intoClause")
    if into:
        temporary = into.get("rel", {}).get("relpersistence") == "t"
        reach = selected(node, bounds)
        yield CreateFrom(
            relation(into.get("rel")), "table", reach, False, temporary, copied(node), folds(node)
        )
    tables = tuple(_tables(node.get("fromClause"), bounds))
    if tables:
        yield Read(tables, selected(node, bounds), "lockingClause" in node)
    for side in ("larg", "rarg"):
        if side in node:
            yield from _parts("SelectStmt", node[side], filled, bounds)


def _ctes_within(source: Node, filled: Filled, bounds: dict[str, Reach]) -> Iterator[Kind]:
    """`insert into … with x as (delete …) select …`: the CTEs belong to the select."""
    if "withClause" in source:
        yield from (
            part for part in _parts("SelectStmt", source, filled, bounds) if not isinstance(part, Read)
        )


def selected(node: Node, bounds: dict[str, Reach] | None = None) -> Reach:
    """How much a `select` brings back of what it reads."""
    bounds = dict(bounds or {})
    for entry in node.get("withClause", {}).get("ctes", []):
        inner, fields = next(iter(entry["CommonTableExpr"].get("ctequery", {"SelectStmt": {}}).items()))
        bounds[entry["CommonTableExpr"]["ctename"]] = (
            selected(fields, bounds) if inner == "SelectStmt" else "some"
        )
    if "limitCount" in node and _limits(constant(node["limitCount"])):
        return "few"
    if "larg" in node:
        return most(selected(node["larg"], bounds), selected(node["rarg"], bounds))
    if "fromClause" not in node:
        return least("few", judge(node.get("whereClause"), Scope(frozenset()), _plain))
    conditions, partners = _joined(node["fromClause"], node.get("whereClause"), bounds, frozenset())
    widest: Reach = most(*partners.values()) if partners else "few"
    if len(partners) == 1:
        name = next(iter(partners))
        judged = judge(
            _all_of(conditions), Scope(frozenset({name}), {}), lambda inner, _: selected(inner, bounds)
        )
        return least(widest, judged)
    return widest


def _limits(count: Any) -> bool:
    return count is not None and not (isinstance(count, int | float) and count > BATCH)


def copied(node: Node) -> tuple[Name, ...]:
    """The tables whose rows a `select` brings, through its CTEs as well."""
    ctes = {one["ctename"] for one in of_kind(node, "CommonTableExpr")}
    found = (
        relation(table)
        for table in of_kind(
            [node.get(key) for key in ("fromClause", "withClause", "larg", "rarg")], "RangeVar"
        )
        if "schemaname" in table or table.get("relname") not in ctes
    )
    return tuple(dict.fromkeys(found))


def folds(node: Node) -> bool:
    """Whether a `select` counts or sums up what it reads, so that few rows come of many."""
    if "groupClause" in node or "distinctClause" in node:
        return True
    if "larg" in node:
        return folds(node["larg"]) and folds(node["rarg"])
    return any(
        "over" not in call and function_name(call) in _FOLDING
        for call in of_kind(node.get("targetList"), "FuncCall")
    )


def _plain(inner: Node, scope: Scope) -> Reach:
    del scope
    return selected(inner)


def _all_of(conditions: list[Any]) -> Any:
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"BoolExpr": {"boolop": "AND_EXPR", "args": conditions}}


def _names(table: Node) -> frozenset[str]:
    alias = table.get("alias", {}).get("aliasname")
    return frozenset({alias} if alias else {table.get("relname", "")})


def _joined(
    sources: list[Node], where: Any, bounds: dict[str, Reach], target: frozenset[str]
) -> tuple[list[Any], dict[str, Reach]]:
    """The conditions of a join, and how far each of its tables reaches by conditions of its own."""
    conditions = [] if where is None else [where]
    found: dict[str, Reach] = {}
    base: set[str] = set()
    stack = list(reversed(sources))
    while stack:
        source = stack.pop()
        if "JoinExpr" in source:
            join = source["JoinExpr"]
            stack += [join.get("rarg", {}), join.get("larg", {})]
            if "quals" in join:
                conditions.append(join["quals"])
        elif "RangeVar" in source:
            table = source["RangeVar"]
            name = next(iter(_names(table)))
            bounded = bounds.get(table.get("relname", "")) if "schemaname" not in table else None
            found[name] = bounded or "all"
            if bounded is None:
                base.add(name)
        elif "RangeSubselect" in source:
            name = source["RangeSubselect"].get("alias", {}).get("aliasname", "")
            found[name] = selected(source["RangeSubselect"].get("subquery", {}).get("SelectStmt", {}), bounds)
        elif "RangeFunction" in source:
            found[source["RangeFunction"].get("alias", {}).get("aliasname", "")] = "few"
    alone = dict(found)
    for name in base:
        others: dict[str, Reach] = {
            **dict.fromkeys(target, "all"),
            **{o: r for o, r in found.items() if o != name},
        }
        alone[name] = judge(
            _all_of(conditions),
            Scope(frozenset({name}), others, qualified=len(found) + len(target) > 1),
            lambda inner, _: selected(inner, bounds),
        )
    return conditions, alone


def _tables(sources: Any, bounds: dict[str, Reach]) -> Iterator[Name]:
    for table in of_kind(sources, "RangeVar"):
        if "schemaname" in table or table.get("relname") not in bounds:
            yield relation(table)


def function_name(call: Node) -> str:
    """The bare name of the function of a FuncCall."""
    names = call.get("funcname", [])
    return string(names[-1]) if names else ""
