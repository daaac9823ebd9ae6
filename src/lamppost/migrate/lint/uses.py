"""Which objects a statement names, and what it does with them: reads, changes, or calls."""

from collections.abc import Iterator
from typing import Any, Literal

from lamppost.migrate.lint.model import Name, Node
from lamppost.migrate.lint.tree import constant, string, strings

# What is named by its table first.
_PARTS = {"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}

How = Literal["read", "change", "call"]
Use = tuple[Name, How]

# Statements whose wrapped tables are what they change, not what they read.
_CHANGING = {"relations", "inhRelations", "objects"}
# What names nothing below it.
_LEAVES = {"A_Const", "ColumnRef", "String", "A_Star", "ParamRef", "typmods", "name"}
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
BY_TEXT = {
    "nextval",
    "setval",
    "currval",
    "to_regclass",
    "pg_get_serial_sequence",
    "pg_relation_size",
    "pg_total_relation_size",
    "lo_from_bytea",
}


def uses(tree: Node) -> list[Use]:
    """Every table, type and function of a statement."""
    ctes: set[str] = set()
    found = list(_comment(tree))
    stack: list[tuple[str, Any]] = [("", tree)]
    push = stack.append
    # One loop for the whole tree, and as little in it as can be: every node of every file goes through it.
    while stack:
        key, value = stack.pop()
        if value.__class__ is list:
            if key in _NAMES:
                parts = strings(value)
                if len(parts) > 1 and parts[-2] != "pg_catalog":
                    found.append((Name(parts[-2], parts[-1]), _NAMES[key]))
                continue
            if key in _CHANGING:
                found += _listed(value, tree)
            for item in value:
                for under in item.items():
                    if under[0] not in _LEAVES:
                        push(under)
            continue
        if "relname" in value and "relpersistence" in value:
            if value["relpersistence"] != "t":
                how: How = "read" if key == "RangeVar" else "change"
                found.append((Name(value.get("schemaname"), value["relname"]), how))
            continue
        if key == "CommonTableExpr":
            ctes.add(value["ctename"])
        elif key == "TypeCast":
            found += _regclass(value)
        elif "funcname" in value:
            found += _by_text(value)
        for under in value.items():
            kind = under[1].__class__
            if (kind is dict or kind is list) and under[0] not in _LEAVES:
                push(under)
    return [(name, how) for name, how in found if name.schema is not None or name.name not in ctes]


def _listed(items: list[Any], tree: Node) -> Iterator[Use]:
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


def _comment(tree: Node) -> Iterator[Use]:
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


def _by_text(call: Node) -> Iterator[Use]:
    names = strings(call.get("funcname"))
    if names and names[-1] in BY_TEXT:
        for argument in call.get("args", [])[:1]:
            yield from _text(constant(argument))


def _regclass(cast: Node) -> Iterator[Use]:
    names = strings(cast.get("typeName", {}).get("names"))
    if names and names[-1] in {"regclass", "regproc", "regtype", "regprocedure"}:
        yield from _text(constant(cast.get("arg")))


def _text(value: Any) -> Iterator[Use]:
    if isinstance(value, str) and value.count(".") == 1:
        schema, _, name = value.partition(".")
        yield Name(schema.strip('"'), name.strip('"')), "read"
