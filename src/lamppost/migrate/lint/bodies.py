"""What `do` blocks and functions hold: PL/pgSQL is walked, its SQL parsed again, also what it executes."""

import re
from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint.lazy import Tree, grown
from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.parse import queries, query
from lamppost.migrate.lint.pg import ParseError
from lamppost.migrate.lint.tree import NOT_CONSTANT, constant, function, strings

# Stands for what only the running block knows.
UNKNOWN = "lamppost_unknown"
_PLACE = re.compile(r"%(?:\d+\$)?-?\d*([sIL%])")


class Piece:
    """SQL out of a body: its statements, its line in the body, and what the loop around it goes over."""

    def __init__(self, line: int, statements: list[tuple[str, Tree]], loop: str, dynamic: str = "") -> None:
        self.line = line
        self.statements = statements
        self.loop = loop
        # An expression that is executed and cannot be read beforehand.
        self.dynamic = dynamic


def pieces(tree: Any) -> Iterator[Piece]:
    """Every piece of SQL in a PL/pgSQL tree, in order. Raises `ParseError` for a piece that is no SQL."""
    yield from _walk(tree, 1, "")


def _walk(tree: Any, line: int, loop: str) -> Iterator[Piece]:
    if isinstance(tree, list):
        for item in tree:
            yield from _walk(item, line, loop)
        return
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key == "datums" or not isinstance(value, (dict, list)):
            continue
        if not key.startswith("PLpgSQL_stmt_") or not isinstance(value, dict):
            yield from _walk(value, line, loop)
            continue
        here = value.get("lineno", line)
        kind = key.removeprefix("PLpgSQL_stmt_")
        if kind in {"commit", "rollback"}:
            ends = grown({"kind": f"TRANS_STMT_{kind.upper()}"})
            yield Piece(here, [("TransactionStmt", ends)], loop)
        else:
            yield from _own(kind, value, here, loop)
            yield from _inside(value, here, _loop(kind, value, loop))


def _own(kind: str, node: Node, line: int, loop: str) -> Iterator[Piece]:
    """The SQL that belongs to a statement itself."""
    executed = kind in {"dynexecute", "dynfors"}
    for key in ("sqlstmt", "expr", "query", "cond", "dynquery"):
        expression = node.get(key, {}).get("PLpgSQL_expr") if isinstance(node.get(key), dict) else None
        if expression is None:
            continue
        if key == "dynquery" or (key == "query" and executed):
            yield _executed(line, expression["query"], loop)
        else:
            yield Piece(line, _read(expression), loop)


def _inside(node: Node, line: int, loop: str) -> Iterator[Piece]:
    for key, value in node.items():
        if key not in {"sqlstmt", "expr", "query", "cond", "dynquery", "var", "lineno"}:
            yield from _walk(value, line, loop)


def _loop(kind: str, node: Node, loop: str) -> str:
    match kind:
        case "loop" | "while":
            return "a loop without an end known beforehand"
        case "fors" | "forc":
            return str(node.get("query", {}).get("PLpgSQL_expr", {}).get("query", "a query"))
        case "dynfors":
            return "a query put together at run time"
        case "fori":
            return loop or "numbers"
    return loop


def _read(expression: Node) -> list[tuple[str, Tree]]:
    text, mode = expression["query"], expression.get("parseMode", 0)
    if mode in {3, 4, 5}:
        text = re.split(r":?=", text, maxsplit=1)[-1]
    return queries(text if mode == 0 else f"SELECT {text}")


def _executed(line: int, expression: str, loop: str) -> Piece:
    """SQL made of strings: read with the unknown parts filled in, where the known ones make a statement."""
    try:
        target = query(f"SELECT {expression}")[0][1]["targetList"][0]["ResTarget"]["val"]
        text = _text(target)
        found = [] if text.strip() == UNKNOWN else queries(text)
    except (ParseError, KeyError, IndexError):
        found = []
    return Piece(line, found, loop, dynamic="" if found else expression)


def _text(node: Any) -> str:
    value: Any = constant(node)
    if value is not NOT_CONSTANT:
        return "" if value is None else str(value)
    if "TypeCast" in node:
        return _text(node["TypeCast"]["arg"])
    if "A_Expr" in node and strings(node["A_Expr"].get("name"))[-1:] == ("||",):
        return _text(node["A_Expr"]["lexpr"]) + _text(node["A_Expr"]["rexpr"])
    if "FuncCall" in node:
        call = node["FuncCall"]
        arguments = call.get("args", [])
        name = function(call).name
        if name == "format" and arguments:
            return _formatted(_text(arguments[0]), arguments[1:])
        if name in {"concat", "quote_ident"}:
            return "".join(_text(argument) for argument in arguments)
        if name in {"quote_literal", "quote_nullable"}:
            return f"'{UNKNOWN}'"
    return UNKNOWN


def _formatted(template: str, arguments: list[Any]) -> str:
    rest = iter(arguments)

    def put(place: re.Match[str]) -> str:
        if place[1] == "%":
            return "%"
        said = _text(next(rest, {}))
        if place[1] == "L":
            return "'" + said.replace("'", "''") + "'"
        return '"' + said + '"' if place[1] == "I" else said

    return _PLACE.sub(put, template)
