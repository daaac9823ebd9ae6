"""Cuts a text into statements without a grammar, for files that PostgreSQL cannot read as a whole.

libpg_query's own scanner leaves out pieces without a keyword, and takes minutes for a text of open comments.
"""

import re
from collections.abc import Iterator

# What may hide a semicolon. Nothing here goes back over what it has read, however hostile the text.
_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\r\n]*+ )
    | (?P<block>   /\* )
    | (?P<escaped> (?<![\w$]) [eE]' (?: [^'\\]++ | \\. )*+ '? )
    | (?P<string>  ' [^']*+ '? )
    | (?P<quoted>  " [^"]*+ "? )
    | (?P<dollar>  (?<![\w$]) \$ (?P<tag> (?: [^\W\d]\w*+ )? ) \$ )
    | (?P<end>     ; )
    | (?P<other>   [^\s;'"$/\-eE]++ | \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK = re.compile(r"/\*|\*/")


def statements(text: str) -> Iterator[slice]:
    """Each statement from its first word to before its semicolon; comments around it are none of it."""
    start: int | None = None
    end = 0
    for kind, begin, after in _tokens(text):
        if kind == "comment":
            continue
        if kind != "end":
            start, end = begin if start is None else start, after
        elif start is not None:
            yield slice(start, end)
            start = None
    if start is not None:
        yield slice(start, end)


def closes(text: str) -> bool:
    """Whether every comment that is opened is closed."""
    last = 0
    for kind, begin, after in _tokens(text):
        last = begin if kind == "comment" and after == len(text) else -1
    return last < 0 or not text.startswith("/*", last) or _after_block(text, last + 2) is not None


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    at = 0
    while token := _TOKEN.search(text, at):
        kind, begin, at = token.lastgroup or "", token.start(), token.end()
        if kind == "dollar":
            mark = f"${token['tag']}$"
            found = text.find(mark, at)
            at = len(text) if found < 0 else found + len(mark)
        elif kind == "block":
            kind, after = "comment", _after_block(text, at)
            at = len(text) if after is None else after
        yield kind, begin, at


def _after_block(text: str, at: int) -> int | None:
    """Where the comment ends that was opened before `at`: comments nest. None if it never does."""
    depth = 1
    while depth and (mark := _BLOCK.search(text, at)):
        depth += 1 if mark[0] == "/*" else -1
        at = mark.end()
    return at if depth == 0 else None
