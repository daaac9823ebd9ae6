"""Columns and constraints, out of the parse tree."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.model import Column, Constraint, Name, NewerServer, Node
from lamppost.migrate.lint.newer import newer_functions
from lamppost.migrate.lint.tree import constant, named, relation, strings

_SHORT = {
    "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character", "float8": "double precision", "float4": "real",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone", "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying", "decimal": "numeric",
}  # fmt: skip
_KINDS: dict[str, Any] = {
    "CONSTR_CHECK": "check",
    "CONSTR_FOREIGN": "foreign key",
    "CONSTR_UNIQUE": "unique",
    "CONSTR_PRIMARY": "primary key",
    "CONSTR_EXCLUSION": "exclude",
    "CONSTR_NOTNULL": "not null",
}


def table_parts(node: Node) -> tuple[tuple[Column, ...], tuple[Constraint, ...]]:
    """The columns and the constraints of a CreateStmt."""
    elements = node.get("tableElts", [])
    columns = tuple(column(item["ColumnDef"]) for item in elements if "ColumnDef" in item)
    constraints = tuple(
        constraint(item["Constraint"])
        for item in elements
        if "Constraint" in item and item["Constraint"]["contype"] in _KINDS
    )
    return columns, constraints


def type_of(node: Node) -> tuple[str, Name]:
    """A type as PostgreSQL prints it (`numeric(10,2)`), and its name."""
    name = named(strings(node.get("names")))
    if name.schema == "pg_catalog":
        name = Name(None, name.name)
    word = _SHORT.get(name.name, name.name) if name.schema is None else str(name)
    numbers = [str(constant(modifier)) for modifier in node.get("typmods", [])]
    if numbers and word != "interval":
        first, _, rest = word.partition(" ")
        word = (
            f"{first}({','.join(numbers)}) {rest}"
            if first in {"timestamp", "time"}
            else f"{word}({','.join(numbers)})"
        )
    return word + "[]" * len(node.get("arrayBounds", [])), name


def column(node: Node) -> Column:
    """A ColumnDef's fields as a column."""
    printed, name = type_of(node.get("typeName", {}))
    found = [one["Constraint"] for one in node.get("constraints", [])]
    kinds = {one["contype"]: one for one in found}
    default = kinds.get("CONSTR_DEFAULT", {}).get("raw_expr", node.get("raw_default"))
    generated = kinds.get("CONSTR_GENERATED")
    loose = "CONSTR_ATTR_NOT_ENFORCED" in kinds
    return Column(
        name=node.get("colname", ""),
        type=printed,
        type_name=name,
        default=None if default is not None and constant(default) is None else default,
        not_null="CONSTR_NOTNULL" in kinds or "CONSTR_PRIMARY" in kinds,
        identity="CONSTR_IDENTITY" in kinds,
        generated=None
        if generated is None
        else ("virtual" if generated.get("generated_kind") == "v" else "stored"),
        null_default=default is not None and constant(default) is None,
        constraints=tuple(
            constraint({**one, "skip_validation": loose} if loose else one, node.get("colname"))
            for one in found
            if one["contype"] in _KINDS
        ),
    )


def _enforced(node: Node) -> bool:
    return node["contype"] not in {"CONSTR_CHECK", "CONSTR_FOREIGN"} or bool(node.get("is_enforced"))


def newer_constraint(node: Node) -> Iterator[NewerServer]:
    """What a constraint asks of the server that older ones have not."""
    if not _enforced(node):
        yield NewerServer("not enforced", 18)
    if node.get("without_overlaps") or node.get("fk_with_period"):
        yield NewerServer("a key over periods", 18)


def newer_column(node: Node) -> Iterator[NewerServer]:
    """What a column asks of the server that older ones have not."""
    for item in node.get("constraints", []):
        found = item["Constraint"]
        if found["contype"] == "CONSTR_GENERATED":
            virtual = found.get("generated_kind") == "v"
            kind, since = ("virtual", 18) if virtual else ("stored", 12)
            yield NewerServer(f"a {kind} generated column", since)
        if found["contype"] == "CONSTR_DEFAULT":
            yield from newer_functions(found)
        if found["contype"] == "CONSTR_ATTR_NOT_ENFORCED":
            yield NewerServer("not enforced", 18)


def constraint(node: Node, on: str | None = None) -> Constraint:
    """A Constraint's fields; `on` is the column it is written at."""
    columns = strings(node.get("keys")) or strings(node.get("fk_attrs")) or ((on,) if on else ())
    return Constraint(
        kind=_KINDS.get(node["contype"], "check"),
        name=node.get("conname"),
        columns=columns,
        references=relation(node["pktable"]) if "pktable" in node else None,
        not_valid=bool(node.get("skip_validation")) or not _enforced(node),
        using_index=node.get("indexname"),
        proves_not_null=_proved(node),
        expression=node.get("raw_expr"),
    )


def _proved(node: Node) -> tuple[str, ...]:
    """The columns that a constraint says are never null, in the words the server understands."""
    if node.get("contype") == "CONSTR_NOTNULL":
        return strings(node.get("keys"))
    return tuple(_never_null(node.get("raw_expr")))


def _never_null(expression: Any) -> Iterator[str]:
    if not isinstance(expression, dict):
        return
    if "BoolExpr" in expression:
        parts = expression["BoolExpr"].get("args", [])
        if expression["BoolExpr"].get("boolop") == "AND_EXPR":
            for part in parts:
                yield from _never_null(part)
        elif expression["BoolExpr"].get("boolop") == "NOT_EXPR" and "NullTest" in parts[0]:
            yield from _tested(parts[0]["NullTest"], "IS_NULL")
    elif "NullTest" in expression:
        yield from _tested(expression["NullTest"], "IS_NOT_NULL")


def _tested(test: Node, wanted: str) -> Iterator[str]:
    if test.get("nulltesttype") == wanted and "ColumnRef" in test.get("arg", {}):
        yield from strings(test["arg"]["ColumnRef"].get("fields"))[-1:]
