"""Names, options and kinds of objects in whatever wrapping the parser chose."""

from typing import Any

from lamppost.migrate.lint.model import Name, Node
from lamppost.migrate.lint.tree import named, string, strings

_WORD = {"OBJECT_MATVIEW": "materialized view", "OBJECT_STATISTIC_EXT": "statistics"}


def word(objtype: str) -> str:
    """`OBJECT_FOREIGN_TABLE` as one says it."""
    return _WORD.get(objtype) or objtype.removeprefix("OBJECT_").replace("_", " ").lower()


def options(listed: Any) -> dict[str, Any]:
    """DefElems by name; one without a value is true."""
    found: dict[str, Any] = {}
    for item in listed or ():
        element = item["DefElem"]
        value = element.get("arg")
        if value is None:
            found[element["defname"]] = True
        elif "String" in value:
            found[element["defname"]] = string(value)
        elif "Integer" in value:
            found[element["defname"]] = value["Integer"].get("ival", 0)
        elif "Boolean" in value:
            found[element["defname"]] = value["Boolean"].get("boolval", False)
        else:
            found[element["defname"]] = value
    return found


def switched_on(found: dict[str, Any], name: str) -> bool:
    """Whether an option such as `(concurrently false)` is on."""
    value = found.get(name, False)
    return value is True or str(value).lower() in {"true", "on", "1"}


def objects(node: Node) -> tuple[Name, ...]:
    """The names a `drop`, `grant` or `comment` lists, in whatever wrapping the parser chose."""
    return tuple(named(found) for found in map(parts, node.get("objects", [])) if found)


def parts(item: Node) -> tuple[str, ...]:
    """The parts of one of those names."""
    kind, fields = next(iter(item.items()))
    match kind:
        case "String":
            return (string(item),)
        case "List":
            return strings(item)
        case "TypeName":
            return strings(fields.get("names"))
        case "ObjectWithArgs":
            return strings(fields.get("objname"))
        case "RangeVar":
            return tuple(part for part in (fields.get("schemaname"), fields.get("relname")) if part)
    return ()
