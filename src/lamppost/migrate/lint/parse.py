"""A file's text becomes PostgreSQL's own parse trees, statement by statement.

pglast's JSON route: a quarter of the time its tree of objects takes. Where one statement cannot be read,
the others still are: the scanner, which needs no grammar, cuts the file at its semicolons.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from lamppost.migrate.lint.lazy import Tree, decode, outlined
from lamppost.migrate.lint.model import Node
from lamppost.migrate.lint.pg import ParseError, parse_plpgsql_json, parse_sql_json
from lamppost.migrate.lint.source import Source

_BLANK = re.compile(rb"(?:\s+|;|--[^\r\n]*)*")
_META = re.compile(r"^[ \t]*\\(?:[a-zA-Z!?]|\.)", re.MULTILINE)
_COPY_DATA = re.compile(r"\bfrom\s{1,99}stdin\b", re.IGNORECASE)
# A file that is no SQL at all has one mistake, however many statements it would be.
_ENOUGH = 20
# Finding out that a comment never ends takes the parser the square of what is opened in it.
_MANY = 2_000


class Parsed(msgspec.Struct, frozen=True):
    """One statement: the parser's name of it, its fields, and the bytes from `start` to `end` it stands in.

    Locations in `node` count from `base`.
    """

    kind: str
    tree: Tree
    start: int
    end: int
    base: int = 0

    @property
    def node(self) -> Node:
        """Its fields."""
        return self.tree.node


class Unreadable(msgspec.Struct, frozen=True):
    """A stretch of the file that PostgreSQL would not understand."""

    line: int
    message: str
    instead: str


def parse(source: Source) -> Iterator[Parsed | Unreadable]:
    """Every statement of the file in order, and what cannot be read."""
    if source.text.count("/*") > _MANY:
        from lamppost.migrate.lint import cut

        if not cut.closes(source.text):
            yield Unreadable(1, "a comment is opened that nobody closes", "close it with */")
            return
    try:
        yield from _statements(source, source.text, 0)
    except (ParseError, RecursionError) as error:
        yield from _piecewise(source, error)


def body(text: str) -> Any:
    """The tree of a `do` block or a `create function` whose language is plpgsql. Raises `ParseError`."""
    try:
        return decode(parse_plpgsql_json(text))
    except ParseError as wrong:
        if "LookupExplicitNamespace" not in str(wrong):
            raise
        from lamppost.migrate.lint.declared import without_schemas

        return decode(parse_plpgsql_json(without_schemas(text)))


def query(text: str) -> list[tuple[str, Node]]:
    """The statements of a piece of SQL, as (kind, fields). Raises `ParseError`."""
    return [(kind, tree.node) for kind, tree in queries(text)]


def queries(text: str) -> list[tuple[str, Tree]]:
    """The same out of a body, with trees that nobody has asked for. Raises `ParseError`."""
    return [(kind, tree) for kind, tree, _, _ in outlined(parse_sql_json(text), text)]


def _statements(source: Source, text: str, base: int) -> Iterator[Parsed]:
    for kind, tree, location, length in outlined(parse_sql_json(text), text):
        at = base + location
        yield Parsed(
            kind, tree, first_token(source.raw, at), at + length if length else len(source.raw), base
        )


def first_token(raw: bytes, at: int) -> int:
    """Where the statement itself begins, behind comments and blank lines."""
    while True:
        blank = _BLANK.match(raw, at)
        at = blank.end() if blank else at
        if not raw.startswith(b"/*", at):
            return at
        depth, at = 1, at + 2
        while depth and (mark := re.compile(rb"/\*|\*/").search(raw, at)):
            depth += 1 if mark[0] == b"/*" else -1
            at = mark.end()
        if depth:
            return at


def _piecewise(source: Source, error: Exception) -> Iterator[Parsed | Unreadable]:
    """The statements that can be read of a file that as a whole cannot."""
    # Seldom needed, like the one above: their patterns take longer to compile than a file to lint.
    from lamppost.migrate.lint import cut

    pieces = list(cut.statements(source.text))
    wrong = base = last = 0
    for piece in pieces:
        base += len(source.text[last : piece.start].encode())
        text, last = source.text[piece], piece.start
        try:
            yield from _statements(source, text, base)
        except (ParseError, RecursionError) as mistake:
            wrong += 1
            if wrong <= _ENOUGH:
                yield _unreadable(source, mistake, piece)
    if wrong > _ENOUGH:
        rest = f"{wrong - _ENOUGH} more statements cannot be read"
        yield Unreadable(source.line_of_character(len(source.text)), rest, "correct the first ones first")
    if not wrong:
        yield _unreadable(source, error, slice(0, len(source.text)))


def _unreadable(source: Source, error: Exception, piece: slice) -> Unreadable:
    place = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0
    # pglast takes the parser's characters for bytes and makes fewer characters of them: undone here.
    place = len(source.text[piece][:place].encode())
    line = source.line_of_character(min(piece.start + place, piece.stop))
    if _COPY_DATA.search(source.text):
        return Unreadable(
            line, "COPY data stands in the file; only psql can read it", "write the rows as INSERT"
        )
    if _META.search(source.text):
        return Unreadable(
            line, "psql commands (\\…) stand in the file; the server knows none", "write plain SQL"
        )
    said = "nested too deeply" if isinstance(error, RecursionError) else str(error.args[0])[:200]
    return Unreadable(
        line, f"PostgreSQL cannot read this: {said}", "correct it; nothing of this file would be applied"
    )
