"""One file's bytes become text, or the reason why they cannot."""

import re
from bisect import bisect_right
from functools import cached_property

_ENDS = re.compile(rb"\r\n|\r|\n")


class Refusal(Exception):
    """A file that cannot be read as a migration: where, why, and what to do."""

    def __init__(self, line: int, message: str, instead: str) -> None:
        super().__init__(message)
        self.line, self.message, self.instead = line, message, instead


class Source:
    """The text of a file, and the line of each byte in it."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.text = _decoded(raw)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _ENDS.finditer(self.raw))]

    def line(self, offset: int) -> int:
        """The line (from 1) in which the byte at `offset` stands. A lone carriage return ends a line."""
        return bisect_right(self._starts, offset)

    def line_of_character(self, index: int) -> int:
        """The line in which the character at `index` stands."""
        return self.line(len(self.text[:index].encode()))


def _decoded(raw: bytes) -> str:
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or raw[1:8:2] == b"\0\0\0\0" or raw[0:8:2] == b"\0\0\0\0":
        raise Refusal(1, "the file is UTF-16, which PostgreSQL cannot read", "save it as UTF-8 without BOM")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Refusal(
            1,
            "the file begins with a byte order mark, which PostgreSQL takes for a letter",
            "save it as UTF-8 without BOM",
        )
    if (at := raw.find(b"\0")) >= 0:
        raise Refusal(
            len(_ENDS.findall(raw[:at])) + 1,
            "a NUL byte: everything after it would be left out, and success reported",
            "remove the byte",
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as unreadable:
        line = len(_ENDS.findall(raw[: unreadable.start])) + 1
        raise Refusal(line, "the file is not UTF-8", "save it as UTF-8") from unreadable
