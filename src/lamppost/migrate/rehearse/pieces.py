"""A file cut into its statements, each with its line: as PostgreSQL's own parser cuts it."""

import msgspec

from lamppost.migrate.lint.parse import Unreadable, parse
from lamppost.migrate.lint.source import Source

WIDTH = 100


class Piece(msgspec.Struct, frozen=True):
    """A statement as it stands in the file."""

    line: int
    sql: str

    @property
    def text(self) -> str:
        """Its first line."""
        first = self.sql.strip().split("\n")[0].strip()
        return first if len(first) <= WIDTH else first[: WIDTH - 1] + "…"


def pieces(text: str) -> tuple[Piece, ...]:
    """The statements of a file; the whole of it where it cannot be read, for the server to say why."""
    source = Source(text.encode())
    found: list[Piece] = []
    for parsed in parse(source):
        if isinstance(parsed, Unreadable):
            return (Piece(parsed.line, text),)
        found.append(
            Piece(
                source.line(parsed.start), source.raw[parsed.start : parsed.end].decode().rstrip(" \r\n\t;")
            )
        )
    return tuple(found)
