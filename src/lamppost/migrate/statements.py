"""A file without a transaction is sent statement by statement, cut where PostgreSQL's own lexer would.

Several statements in one query run in one implicit transaction, in which `create index concurrently` fails.
"""

import re
from collections.abc import Iterator

from lamppost.errors import AuthorError

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\r\n]* )
    | (?P<block>   /\* )
    | (?P<escaped> (?<![\w$]) [eE]' (?: [^'\\] | \\. | '' )* (?: ' | \Z ) )
    | (?P<string>  ' (?: [^'] | '' )* (?: ' | \Z ) )
    | (?P<quoted>  " (?: [^"] | "" )* (?: " | \Z ) )
    | (?P<dollar>  (?<![\w$]) \$ (?P<tag> (?: [^\W\d]\w* )? ) \$ )
    | (?P<atomic>  \b begin \s+ atomic \b )
    | (?P<mark>    [();] )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BLOCK = re.compile(r"/\*|\*/")


def split(text: str) -> tuple[str, ...]:
    """The statements of `text`, without the semicolons between them; comments alone are no statement.

    Raises `AuthorError` for a function body of the `begin atomic` kind, whose end only a parser finds.
    """
    found: list[str] = []
    start, depth, empty, last = 0, 0, True, 0
    for kind, begin, end in _tokens(text):
        empty = empty and not text[last:begin].strip() and kind in {"comment", ";"}
        last = end
        if kind == "atomic":
            raise AuthorError(
                "a function body of the `begin atomic` kind stands in a file without a transaction",
                fix="move the function to a migration of its own, or write its body in $$",
                code="migration_split",
            )
        if kind in {"(", ")"}:
            depth += 1 if kind == "(" else -1
        elif kind == ";" and depth <= 0:
            if not empty:
                found.append(text[start:begin].strip())
            start, depth, empty = end, 0, True
    if not empty or text[last:].strip():
        found.append(text[start:].strip())
    return tuple(found)


def code(text: str) -> str:
    """`text` without its comments and without what stands in quotes."""
    parts, last = [], 0
    for kind, begin, end in _tokens(text):
        if kind in {"comment", "escaped", "string", "quoted", "dollar"}:
            parts.append(text[last:begin])
            last = end
    return " ".join([*parts, text[last:]])


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """What could hide or be a semicolon: its kind (a mark is its own), where it begins, where it ends."""
    at = 0
    while token := _TOKEN.search(text, at):
        kind, begin, at = token.lastgroup or "", token.start(), token.end()
        if kind == "dollar":
            kind, at = "dollar", _end_of(text, f"${token['tag']}$", at)
        elif kind == "block":
            kind, at = "comment", _end_of_block(text, at)
        yield (token[0] if kind == "mark" else kind), begin, at


def _end_of(text: str, mark: str, at: int) -> int:
    found = text.find(mark, at)
    return len(text) if found < 0 else found + len(mark)


def _end_of_block(text: str, at: int) -> int:
    """Where a block comment ends; they nest."""
    depth = 1
    while depth and (found := _BLOCK.search(text, at)):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return at if not depth else len(text)
