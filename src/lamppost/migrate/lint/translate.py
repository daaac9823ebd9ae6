"""PostgreSQL's parse tree becomes the kinds of statement the rules speak about."""

from collections.abc import Iterator
from typing import Any

from lamppost.migrate.lint import bodies, model
from lamppost.migrate.lint.definitions import DEFINITIONS
from lamppost.migrate.lint.glances import GLANCES
from lamppost.migrate.lint.lazy import Tree, grown
from lamppost.migrate.lint.model import Change, CreateFunction, Kind, Loop, Name, Node, Statement
from lamppost.migrate.lint.objects import options, switched_on
from lamppost.migrate.lint.parse import Parsed, Unreadable, body, queries
from lamppost.migrate.lint.pg import ParseError
from lamppost.migrate.lint.queries import QUERIES, Filled
from lamppost.migrate.lint.queries import query as query_kinds
from lamppost.migrate.lint.source import Source
from lamppost.migrate.lint.tree import constant, named, strings
from lamppost.migrate.lint.utilities import UTILITIES

_STATEMENTS = DEFINITIONS | UTILITIES


class Translator:
    """Turns one file's statements into ours. Remembers new columns and prepared queries for later."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._filled: Filled = {}
        self._prepared: dict[str, tuple[str, Tree]] = {}
        # A function's body that PostgreSQL would refuse.
        self._wrong: ParseError | None = None

    def statements(self, parsed: Parsed) -> Iterator[Statement | Unreadable]:
        """What one statement of the file makes happen, one after the other."""
        line = self._source.line(parsed.start)
        if parsed.kind == "DoStmt":
            yield from self._do(parsed, line)
            return
        first = True
        for what in self.kinds(parsed.kind, parsed.tree, parsed):
            yield Statement(line, what, tree=parsed.tree if first else None, first=first)
            first = False
            if isinstance(what, model.AlterTable):
                self._remember(what)
        if first:
            yield Statement(line, model.Other(parsed.kind), tree=parsed.tree, first=True)
        if self._wrong:
            yield _wrong(line, self._wrong)
            self._wrong = None

    def kinds(self, kind: str, tree: Tree, parsed: Parsed | None = None) -> Iterator[Kind]:
        """One parsed statement as ours; several where one does several things."""
        if kind in GLANCES and (seen := GLANCES[kind](tree)) is not None:
            yield from seen
        elif kind in QUERIES:
            yield from query_kinds(kind, tree.node, self._filled, calls=tree.calls)
        elif kind == "CreateFunctionStmt":
            yield self._function(tree.node, parsed)
        elif kind == "PrepareStmt":
            self._prepared[tree.node["name"]] = _inner(tree.node)
        elif kind == "ExecuteStmt":
            if tree.node["name"] in self._prepared:
                yield from self.kinds(*self._prepared[tree.node["name"]])
        elif kind == "ExplainStmt":
            if switched_on(options(tree.node.get("options")), "analyze"):
                yield from self.kinds(*_inner(tree.node))
        elif kind == "CreateSchemaStmt":
            yield from self._schema(tree.node)
        elif kind in _STATEMENTS:
            yield from _STATEMENTS[kind](tree.node)

    def _schema(self, node: Node) -> Iterator[Kind]:
        name = node.get("schemaname", "")
        yield model.Make("schema", Name(None, name))
        for element in node.get("schemaElts", []):
            inner, fields = next(iter(element.items()))
            if "relation" in fields:
                fields = {**fields, "relation": {"schemaname": name, **fields["relation"]}}
            yield from self.kinds(inner, grown(fields))

    def _remember(self, altered: model.AlterTable) -> None:
        added = {
            action.column.name
            for action in altered.actions
            if isinstance(action, model.AddColumn)
            and action.column.default is None
            and not action.column.generated
        }
        self._filled[altered.table] = self._filled.get(altered.table, frozenset()) | added

    def _do(self, parsed: Parsed, line: int) -> Iterator[Statement | Unreadable]:
        found = options(parsed.node.get("args"))
        if str(found.get("language", "plpgsql")).lower() != "plpgsql":
            yield Statement(line, model.Dynamic(f"a block in {found['language']}"), "do", parsed.tree, True)
            return
        yield Statement(line, model.Other("DoStmt"), "do", parsed.tree, True)
        try:
            yield from self._body(parsed, self._body_line(parsed, "args", line), "do")
        except ParseError as wrong:
            yield _wrong(line, wrong)

    def _body(self, parsed: Parsed, line: int, inside: Any) -> Iterator[Statement]:
        text = self._source.raw[parsed.start : parsed.end].decode()
        for piece in bodies.pieces(body(text)):
            at = line + piece.line - 1
            if piece.dynamic:
                yield Statement(at, model.Dynamic(piece.dynamic), inside)
            for kind, tree in piece.statements:
                first = True
                for what in self.kinds(kind, tree):
                    looped = Loop(what, piece.loop) if isinstance(what, Change) and piece.loop else what
                    yield Statement(at, looped, inside, tree if first else None, first)
                    first = False
                if first:
                    yield Statement(at, model.Other(kind), inside, tree, True)

    def _body_line(self, parsed: Parsed, where: str, line: int) -> int:
        for item in parsed.node.get(where, []):
            if item["DefElem"]["defname"] == "as":
                at = item["DefElem"].get("arg_location", -1)
                return self._source.line(parsed.base + at) if at >= 0 else line
        return line

    def _function(self, node: Node, parsed: Parsed | None) -> CreateFunction:
        found = options(node.get("options"))
        language = str(found.get("language", "sql" if "sql_body" in node else "")).lower()
        settings = [
            item["DefElem"].get("arg", {}).get("VariableSetStmt", {}) for item in node.get("options", [])
        ]
        try:
            inside = tuple(self._function_body(node, parsed, language, found)) if parsed else ()
        except ParseError as wrong:
            inside, self._wrong = (), wrong
        return CreateFunction(
            name=named(strings(node.get("funcname"))),
            volatility=str(found.get("volatility", "volatile")).lower(),
            language=language,
            body=inside,
            definer=switched_on(found, "security"),
            path_set=any(setting.get("name") == "search_path" for setting in settings),
            path=tuple(
                str(constant(value))
                for setting in settings
                if setting.get("name") == "search_path"
                for value in setting.get("args", [])
            ),
        )

    def _function_body(
        self, node: Node, parsed: Parsed, language: str, found: dict[str, Any]
    ) -> Iterator[Statement]:
        line = self._body_line(parsed, "options", self._source.line(parsed.start))
        if language == "plpgsql":
            yield from self._body(parsed, line, "function")
        elif language == "sql":
            text = next(iter(strings(found.get("as"))), "")
            inner = queries(text) if text else list(_atomic(node.get("sql_body")))
            for kind, held in inner:
                for what in self.kinds(kind, held):
                    yield Statement(line, what, "function", held, True)


def _wrong(line: int, error: ParseError) -> Unreadable:
    return Unreadable(
        line, f"the body cannot be read: {error.args[0]}", "correct it; the server would refuse it"
    )


def _inner(node: Node) -> tuple[str, Tree]:
    """The statement that another one holds."""
    kind, fields = next(iter(node["query"].items()))
    return kind, grown(fields)


def _atomic(tree: Any) -> Iterator[tuple[str, Tree]]:
    """The statements of a `begin atomic` or `return` body."""
    if isinstance(tree, list):
        for item in tree:
            yield from _atomic(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in QUERIES:
                yield key, grown(value)
            elif key in {"List", "items"}:
                yield from _atomic(value)
