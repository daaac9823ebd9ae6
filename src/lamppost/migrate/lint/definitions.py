"""Statements that define tables and what hangs on them, by the parser's name."""

from collections.abc import Callable, Iterator

from lamppost.migrate.lint import model
from lamppost.migrate.lint.alter import alter_table
from lamppost.migrate.lint.columns import newer_column, newer_constraint, table_parts
from lamppost.migrate.lint.model import Kind, Name, Node
from lamppost.migrate.lint.objects import objects, options, parts, word
from lamppost.migrate.lint.queries import copied, folds, selected
from lamppost.migrate.lint.tree import constant, named, relation, strings


def _create(node: Node) -> Iterator[Kind]:
    elements = node.get("tableElts", [])
    parents = node.get("inhRelations", [])
    yield model.CreateTable(
        table=relation(node["relation"]),
        parts=lambda: table_parts(node),
        partition_of=relation(parents[0].get("RangeVar")) if "partbound" in node and parents else None,
        temporary=node["relation"].get("relpersistence") == "t",
        if_not_exists=bool(node.get("if_not_exists")),
        partitioned="partspec" in node,
        default=bool(node.get("partbound", {}).get("is_default")),
        inherits=bool(parents) or any("TableLikeClause" in item for item in elements) or "ofTypename" in node,
    )
    for item in elements:
        if "ColumnDef" in item:
            yield from newer_column(item["ColumnDef"])
        if "Constraint" in item:
            yield from newer_constraint(item["Constraint"])


def _create_as(node: Node) -> Iterator[Kind]:
    into = node["into"]
    inner, fields = next(iter(node["query"].items()))
    reach = "few" if into.get("skipData") or inner != "SelectStmt" else selected(fields)
    yield model.CreateFrom(
        relation(into["rel"]),
        "materialized view" if node.get("objtype") == "OBJECT_MATVIEW" else "table",
        reach,
        bool(node.get("if_not_exists")),
        into["rel"].get("relpersistence") == "t",
        copied(fields),
        folds(fields),
    )


def _index(node: Node) -> Iterator[Kind]:
    yield model.CreateIndex(
        table=relation(node["relation"]),
        index=node.get("idxname"),
        unique=bool(node.get("unique")),
        concurrently=bool(node.get("concurrent")),
        if_not_exists=bool(node.get("if_not_exists")),
        only=not node["relation"].get("inh", False),
        columns=len(node.get("indexParams", [])),
        on=tuple(one["IndexElem"].get("name", "") for one in node.get("indexParams", [])),
    )
    if node.get("nulls_not_distinct"):
        yield model.NewerServer("nulls not distinct", 15)
    if node.get("indexIncludingParams"):
        yield model.NewerServer("include", 11)


def _drop(node: Node) -> Iterator[Kind]:
    kind = word(node["removeType"])
    on = None
    names = objects(node)
    if kind in {"trigger", "policy", "rule"}:
        listed = parts(node["objects"][0])
        on, names = named(listed[:-1]), (Name(None, listed[-1]),)
    yield model.Drop(kind, names, bool(node.get("concurrent")), node.get("behavior") == "DROP_CASCADE", on)


def _rename(node: Node) -> Iterator[Kind]:
    kind = word(node["renameType"])
    if kind == "tabconstraint":
        kind = "constraint"
    of = relation(node["relation"]) if "relation" in node else Name(None, node.get("subname", ""))
    if "object" in node:
        of = named(parts(node["object"]))
    part = node.get("subname") if "relation" in node or "object" in node else None
    yield model.Rename(kind, of, part, node.get("newname", ""))


def _move(node: Node) -> Iterator[Kind]:
    name = relation(node["relation"]) if "relation" in node else named(parts(node.get("object", {"": {}})))
    yield model.Move(word(node.get("objectType", "")), name, node.get("newschema", ""))


def _owner(node: Node) -> Iterator[Kind]:
    name = relation(node["relation"]) if "relation" in node else named(parts(node.get("object", {"": {}})))
    yield model.Owner(word(node.get("objectType", "")), name, node.get("newowner", {}).get("rolename", ""))


def _sequence(node: Node) -> Iterator[Kind]:
    if "restart" in options(node.get("options")):
        yield model.Restart(relation(node["sequence"]))


def _function_setting(node: Node) -> Iterator[Kind]:
    for item in node.get("actions", []):
        setting = item["DefElem"].get("arg", {}).get("VariableSetStmt", {})
        if setting.get("name") == "search_path":
            path = tuple(str(constant(value)) for value in setting.get("args", []))
            yield model.Set("search_path of a function", path, local=False)


def _enum(node: Node) -> Iterator[Kind]:
    name = named(strings(node.get("typeName")))
    if "oldVal" in node:
        yield model.Rename("enum label", name, node["oldVal"], node["newVal"])
    else:
        yield model.AddLabel(name, node["newVal"])


def _alter_domain(node: Node) -> Iterator[Kind]:
    added = node.get("def", {}).get("Constraint", {})
    # Up to PostgreSQL 18 validating takes SHARE on every table that uses the domain, as adding does.
    scans = (node["subtype"] == "C" and not added.get("skip_validation")) or node["subtype"] in {"O", "V"}
    yield model.AlterDomain(named(strings(node["typeName"])), scans)


DEFINITIONS: dict[str, Callable[[Node], Iterator[Kind]]] = {
    "CreateStmt": _create,
    "CreateTableAsStmt": _create_as,
    "IndexStmt": _index,
    "AlterTableStmt": alter_table,
    "DropStmt": _drop,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _move,
    "AlterOwnerStmt": _owner,
    "AlterEnumStmt": _enum,
    "AlterDomainStmt": _alter_domain,
    "AlterSeqStmt": _sequence,
    "AlterFunctionStmt": _function_setting,
}
