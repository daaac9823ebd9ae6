"""Which objects a statement names, and what it does with them: reads, changes, or calls."""

from collections.abc import Iterator
from typing import Any, Literal

from lamppost.migrate.lint.model import Name, Node, Statement
from lamppost.migrate.lint.tree import constant, nodes, string, strings

# What is named by its table first.
_PARTS = {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}

How = Literal["read", "change", "call"]

# Statements whose wrapped tables are what they change, not what they read.
_CHANGING = {"relations", "inhRelations", "objects"}
# Lists of strings that are names: of a type, a function, an object.
_NAMES: dict[str, How] = {
    "names": "call",
    "funcname": "call",
    "objname": "change",
    "typeName": "change",
    "domainname": "change",
    "defnames": "change",
}
# Functions that take a table's or a sequence's name as text.
_BY_TEXT = {
    "nextval",
    "setval",
    "currval",
    "to_regclass",
    "pg_get_serial_sequence",
    "pg_relation_size",
    "pg_total_relation_size",
    "lo_from_bytea",
}


def uses(statement: Statement) -> Iterator[tuple[Name, How]]:
    """Every table, type and function of the statement."""
    tree = statement.node
    if tree is None:
        return
    ctes = {value["ctename"] for key, value in nodes(tree) if key == "CommonTableExpr"}
    yield from _comment(tree)
    for key, value in [("", tree), *nodes(tree)]:
        if isinstance(value, dict):
            if "relname" in value and "relpersistence" in value:
                if "schemaname" not in value and (value["relname"] in ctes or value["relpersistence"] == "t"):
                    continue
                how: How = "read" if key == "RangeVar" else "change"
                yield Name(value.get("schemaname"), value["relname"]), how
            elif key == "FuncCall" or "funcname" in value:
                yield from _by_text(value)
            elif key == "TypeCast":
                yield from _regclass(value)
        elif key in _CHANGING and isinstance(value, list):
            yield from _listed(value, tree)
        if key in _NAMES and isinstance(value, list):
            parts = strings(value)
            if len(parts) > 1:
                yield Name(parts[-2], parts[-1]), _NAMES[key]


def _listed(items: list[Any], tree: Node) -> Iterator[tuple[Name, How]]:
    of_parts = tree.get("removeType") in {"OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}
    schemas = tree.get("removeType") == "OBJECT_SCHEMA" or tree.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA"
    for item in items:
        kind, value = next(iter(item.items()))
        parts = (string(item),) if kind == "String" else strings(value.get("items")) if kind == "List" else ()
        if kind == "RangeVar":
            yield Name(value.get("schemaname"), value["relname"]), "change"
        elif kind == "String" and (schemas or tree.get("objtype") == "OBJECT_SCHEMA"):
            yield Name(parts[0], "*"), "change"
        elif of_parts and len(parts) == 3:
            yield Name(parts[0], parts[1]), "change"
        elif len(parts) > 1 and not of_parts:
            yield Name(parts[-2], parts[-1]), "change"
        elif len(parts) == 1 and kind == "List" and tree.get("removeType") in {"OBJECT_TABLE", "OBJECT_VIEW"}:
            yield Name(None, parts[0]), "change"


def _comment(tree: Node) -> Iterator[tuple[Name, How]]:
    """`comment on`, `alter … rename`, `security label`: the object by its parts, perhaps a column."""
    if tree.get("renameType") == "OBJECT_SCHEMA":
        yield Name(tree.get("subname"), "*"), "change"
    for schema in _default_schemas(tree):
        yield Name(schema, "*"), "change"
    item = tree.get("object")
    if not isinstance(item, dict):
        return
    kind, value = next(iter(item.items()))
    parts = strings(value.get("items")) if kind == "List" else (string(item),) if kind == "String" else ()
    inner = tree.get("objtype") in _PARTS
    if tree.get("objtype") == "OBJECT_SCHEMA":
        yield Name(parts[0], "*"), "change"
    elif inner and len(parts) > 2:
        yield Name(parts[0], parts[1]), "change"
    elif not inner and len(parts) > 1:
        yield Name(parts[-2], parts[-1]), "change"


def _default_schemas(tree: Node) -> Iterator[str]:
    if "action" in tree:
        for option in tree.get("options", []):
            if option.get("DefElem", {}).get("defname") == "schemas":
                yield from strings(option["DefElem"].get("arg"))


def _by_text(call: Node) -> Iterator[tuple[Name, How]]:
    names = strings(call.get("funcname"))
    if names and names[-1] in _BY_TEXT:
        for argument in call.get("args", [])[:1]:
            yield from _text(constant(argument))


def _regclass(cast: Node) -> Iterator[tuple[Name, How]]:
    names = strings(cast.get("typeName", {}).get("names"))
    if names and names[-1] in {"regclass", "regproc", "regtype", "regprocedure"}:
        yield from _text(constant(cast.get("arg")))


def _text(value: Any) -> Iterator[tuple[Name, How]]:
    if isinstance(value, str) and value.count(".") == 1:
        schema, _, name = value.partition(".")
        yield Name(schema.strip('"'), name.strip('"')), "read"
