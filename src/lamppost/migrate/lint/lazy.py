"""Statements as the parser's JSON: a tree is built where somebody asks for it, and not for every statement.

Building all of them takes three times as long as parsing does.
"""

from functools import cached_property

import msgspec

from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.own import names_only

decode = msgspec.json.Decoder().decode
# A tree of so many bytes may be nested too deeply for us, which is to be said when the text is read.
_LONG = 100_000


class Text:
    """The JSON of statements that were parsed together. Raises `RecursionError` for what is too deep.

    The SQL is a sixth as long: what does not stand in there need not be looked for in the JSON.
    """

    def __init__(self, json: bytes, sql: str = "") -> None:
        self.json = json
        sql = sql.lower()
        # Unknown, or with letters written as numbers: `u&"\0061"`.
        self._sql = "" if "u&" in sql else sql
        self._own: dict[str | None, bool] = {}
        if len(json) > _LONG:
            decode(json)

    def keeps_to(self, service: str | None) -> bool:
        """Whether nothing is named but what is the service's own, or PostgreSQL's."""
        if service not in self._own:
            hidden = self._may_hold("schema") or self._may_hold("reg")
            self._own[service] = names_only(service, self.json, hidden=hidden)
        return self._own[service]

    def says(self, word: str) -> bool:
        """Whether a name or a string is this very word, in small letters."""
        return self._may_hold(word) and b'"sval":"%s"' % word.encode() in self.json

    @cached_property
    def numbered(self) -> bool:
        """Whether there are parameters."""
        return self._may_hold("$") and b'"ParamRef"' in self.json

    def _may_hold(self, word: str) -> bool:
        return not self._sql or word in self._sql


class Tree:
    """One statement."""

    __slots__ = ("_json", "_node", "text")

    def __init__(self, json: msgspec.Raw, text: Text) -> None:
        self._json = json
        self._node: Node | None = None
        self.text = text

    @property
    def node(self) -> Node:
        """Its fields."""
        if self._node is None:
            self._node = decode(self._json)
        return self._node

    @property
    def json(self) -> bytes:
        """The same as it was written."""
        return bytes(self._json)

    @property
    def calls(self) -> bool:
        """Whether there are function calls in it."""
        return b'"FuncCall"' in self.json


def grown(node: Node) -> Tree:
    """A tree of fields that are there already."""
    json = msgspec.json.encode(node)
    return Tree(msgspec.Raw(json), Text(json))


class _One(msgspec.Struct):
    stmt: dict[str, msgspec.Raw] = {}
    stmt_location: int = 0
    stmt_len: int = 0


class _All(msgspec.Struct):
    stmts: list[_One]


_outline = msgspec.json.Decoder(_All).decode


def outlined(json: str, sql: str) -> list[tuple[str, Tree, int, int]]:
    """Each statement of what the parser said of `sql`: kind, tree, where it begins, and its length or 0."""
    text = Text(json.encode(), sql)
    return [
        (kind, Tree(raw, text), one.stmt_location, one.stmt_len)
        for one in _outline(text.json).stmts
        for kind, raw in one.stmt.items()
    ]
