"""Walking PostgreSQL's parse trees as JSON: without recursion, for a tree may be ten thousand levels deep."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.model import Name, Node


def nodes(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every (key, value) below `tree`, in the order they are written."""
    stack = [tree]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            yield from here.items()
            stack.extend(reversed(here.values()))
        elif isinstance(here, list):
            stack.extend(reversed(here))


def of_kind(tree: Any, *kinds: str) -> Iterator[Node]:
    """Every node of one of `kinds` below `tree`, in no order: the way through all trees is short this way."""
    stack = [tree]
    while stack:
        here = stack.pop()
        if here.__class__ is dict:
            for key, value in here.items():
                if value.__class__ is dict:
                    if key in kinds:
                        yield value
                    stack.append(value)
                elif value.__class__ is list:
                    stack.append(value)
        elif here.__class__ is list:
            stack += here


def string(node: Any) -> str:
    """The text of a String node, or of what is no string at all: nothing."""
    inner = node.get("String") if isinstance(node, dict) else None
    return str(inner.get("sval", "")) if inner else ""


def strings(listed: Any) -> tuple[str, ...]:
    """The texts of a list of String nodes, also where the list is a node itself."""
    if listed.__class__ is dict:
        listed = listed["List"].get("items") if "List" in listed else None
    if not listed:
        return ()
    return tuple([item["String"].get("sval", "") for item in listed if "String" in item])


def named(parts: tuple[str, ...]) -> Name:
    """`a.b` as a name; of longer ones the last two parts."""
    if not parts:
        return Name(None, "")
    return Name(parts[-2] if len(parts) > 1 else None, parts[-1])


def relation(node: Node | None) -> Name:
    """The table of a RangeVar's fields."""
    if not node:
        return Name(None, "")
    return Name(node.get("schemaname"), node.get("relname", ""))


def function(call: Node) -> Name:
    """The function of a FuncCall's fields; pg_catalog is where built-in ones live, said or unsaid."""
    name = named(strings(call.get("funcname")))
    return Name(None, name.name) if name.schema == "pg_catalog" else name


def constant(node: Any) -> Any:
    """The value of a constant, also in a cast; `NOT_CONSTANT` when it is none. NULL is None."""
    while isinstance(node, dict) and "TypeCast" in node:
        kind = named(strings(node["TypeCast"].get("typeName", {}).get("names"))).name
        node = node["TypeCast"].get("arg")
        if kind == "bool":
            value = constant(node)
            return {"t": True, "true": True, "on": True, "1": True, "yes": True, "y": True}.get(
                str(value).strip().lower(), False
            )
    if not isinstance(node, dict) or "A_Const" not in node:
        return NOT_CONSTANT
    value = node["A_Const"]
    if value.get("isnull"):
        return None
    if "ival" in value:
        return value["ival"].get("ival", 0)
    if "boolval" in value:
        return value["boolval"].get("boolval", False)
    if "fval" in value:
        return float(value["fval"].get("fval", "0"))
    if "sval" in value:
        return value["sval"].get("sval", "")
    return NOT_CONSTANT


class _NotConstant:
    def __repr__(self) -> str:
        return "NOT_CONSTANT"


NOT_CONSTANT = _NotConstant()


def same(one: Any, other: Any) -> bool:
    """Whether two trees say the same, wherever in the file they stand."""
    if one.__class__ is dict and other.__class__ is dict and len(one) == 1 and one.keys() != other.keys():
        # Two kinds of node, as nearly always.
        return False
    return bool(_placeless(one) == _placeless(other))


def _placeless(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            key: _placeless(value)
            for key, value in tree.items()
            if key not in {"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"}
        }
    if isinstance(tree, list):
        return [_placeless(item) for item in tree]
    return tree
